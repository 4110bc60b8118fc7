-- In the database, since a guesser asks every replica.
create table sign_in_attempts (
    -- SHA-256 of an e-mail address or of a network address: who tried to sign in is not to be read here.
    key bytea constraint sign_in_attempts_pkey primary key,
    attempts bigint not null,
    began_at timestamptz not null
);
create index sign_in_attempts_began_at_idx on sign_in_attempts (began_at);
