create table users (
    id uuid constraint users_pkey primary key,
    -- Lower case, so that an address has one account however it is written.
    email text not null constraint users_email_key unique
        constraint users_email_is_normal check (email = lower(email collate "C")),
    display_name text not null,
    -- A PHC string: the algorithm and its parameters travel with the hash, so that they can change.
    password_hash text not null,
    -- Counts the changes; the etag.
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
