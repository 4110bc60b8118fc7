-- Whoever signs in elsewhere has no password here, and an e-mail address only if they tell us one.
alter table users
    add column is_outside boolean not null default false,
    alter column email drop not null,
    alter column password_hash drop not null,
    add constraint users_have_what_they_sign_in_with
        check (is_outside or (email is not null and password_hash is not null));

create table outside_accounts (
    issuer text not null,
    subject text not null,
    -- Not a foreign key: the row outlives the account, so that a token that is still good does not make it again.
    user_id uuid not null constraint outside_accounts_user_id_key unique,
    created_at timestamptz not null default now(),
    constraint outside_accounts_pkey primary key (issuer, subject)
);
