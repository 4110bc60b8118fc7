-- Written before the order in the same transaction: a second request with the same key waits for the first, and a
-- failed one leaves nothing behind.
create table idempotency_keys (
    user_id uuid not null,
    key text not null,
    order_id uuid not null constraint idempotency_keys_order_id_fkey references orders on delete cascade
        deferrable initially deferred,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (user_id, key)
);

-- For the sweeper.
create index idempotency_keys_by_age on idempotency_keys (created_at);
