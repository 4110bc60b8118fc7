-- The books of the simulated payment provider, which is an outside party: nothing here refers to the tables of the
-- service, no statement touches both, and with a real provider all of it goes.
create schema provider;

create table provider.ledger (
    -- What the merchant says to be the same charge when it asks again.
    key uuid constraint ledger_pkey primary key,
    -- The merchant's order; unknown of a key that was blocked before anything was charged by it.
    reference uuid,
    amount bigint,
    currency text,
    status text not null constraint ledger_status_is_known
        check (status in ('captured', 'declined', 'refunded', 'blocked')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint ledger_knows_what_it_charged check (
        status = 'blocked' or reference is not null and amount is not null and currency is not null
    )
);

create index ledger_by_reference on provider.ledger (reference);

-- Every time that somebody asked, with what came of it; 'lost' was decided as the ledger says, but nobody was told.
create table provider.attempts (
    id bigint generated always as identity constraint attempts_pkey primary key,
    key uuid not null,
    kind text not null constraint attempts_kind_is_known check (kind in ('charge', 'cancel')),
    outcome text not null constraint attempts_outcome_is_known
        check (outcome in ('captured', 'declined', 'refunded', 'blocked', 'voided', 'failed', 'lost')),
    made_at timestamptz not null default now()
);

create index attempts_by_key on provider.attempts (key);
