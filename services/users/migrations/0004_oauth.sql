alter table users add column is_admin boolean not null default false;

create table clients (
    -- Not a UUID, which is a person: whom a token speaks for must be plain.
    id text constraint clients_pkey primary key
        constraint clients_id_is_a_name check (id ~ '^[a-z0-9-]{3,64}$'),
    -- SHA-256: nobody guesses 256 random bits, so that a slow hash would cost time and protect nothing.
    -- None: a public client, which cannot keep a secret.
    secret_hash bytea,
    -- What it may ask for, between single spaces.
    scopes text not null,
    redirect_uris text[] not null default '{}',
    created_at timestamptz not null default now()
);

-- Our own: it has the password itself, so that nobody is sent anywhere.
insert into clients (id, scopes) values ('joist', 'admin orders:read orders:write users:read users:write');

-- What comes of one time that somebody signed in: the tokens that follow each other until they are revoked or too old.
create table refresh_families (
    id uuid constraint refresh_families_pkey primary key,
    user_id uuid not null constraint refresh_families_user_id_fkey references users on delete cascade,
    client_id text not null constraint refresh_families_client_id_fkey references clients on delete cascade,
    scopes text not null,
    created_at timestamptz not null default now(),
    -- Moves on with each use.
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index refresh_families_user_id_idx on refresh_families (user_id);
create index refresh_families_expires_at_idx on refresh_families (expires_at);

-- As SHA-256: a stolen backup refreshes nothing. Used ones stay, since whoever brings one again has stolen it, or been
-- stolen from.
create table refresh_tokens (
    hash bytea constraint refresh_tokens_pkey primary key,
    family_id uuid not null constraint refresh_tokens_family_id_fkey references refresh_families on delete cascade,
    used_at timestamptz
);
create index refresh_tokens_family_id_idx on refresh_tokens (family_id);
create index refresh_tokens_used_at_idx on refresh_tokens (used_at);

create table authorization_codes (
    hash bytea constraint authorization_codes_pkey primary key,
    client_id text not null constraint authorization_codes_client_id_fkey references clients on delete cascade,
    user_id uuid not null constraint authorization_codes_user_id_fkey references users on delete cascade,
    redirect_uri text not null,
    scopes text not null,
    -- Of PKCE, by S256.
    challenge text not null,
    expires_at timestamptz not null,
    -- What was given for it. Not a foreign key: the code stays used when the family is gone.
    family_id uuid
);
create index authorization_codes_user_id_idx on authorization_codes (user_id);
create index authorization_codes_expires_at_idx on authorization_codes (expires_at);
