-- There are several keys at a time: a new one is published before it signs, an old one until its last token is over.
alter table signing_keys
    -- Replicas that make the next key at the same time make one.
    add column generation bigint not null default 1 constraint signing_keys_generation_key unique,
    -- Everybody knows the key by then. A key that is there already signs, and the time until the next one begins now:
    -- so no key comes while the version before, which knows but one, runs beside this one.
    add column signs_from timestamptz not null default now();

-- `retired_at` is null for the newest key alone. Only the version before asks; once it is gone, so can the column be.
