create table signing_keys (
    id text constraint signing_keys_pkey primary key,
    -- Encrypted with a secret that is not in the database: a stolen backup signs nothing.
    sealed_key bytea not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

-- Replicas that start together on an empty database end up with one key.
create unique index signing_keys_one_is_active on signing_keys ((true)) where retired_at is null;
