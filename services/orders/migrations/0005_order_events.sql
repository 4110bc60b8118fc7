-- What became of an order: a row for each change of it. The program of the version before changes orders without a row
-- here, so that a version may be missing.
create table order_events (
    order_id uuid not null constraint order_events_order_id_fkey references orders on delete cascade,
    version bigint not null,
    -- What the order has been since.
    status text not null constraint order_events_status_is_known
        check (status in ('pending', 'confirmed', 'rejected', 'cancelled')),
    reason text not null constraint order_events_reason_is_known
        check (reason in ('placed', 'paid', 'declined', 'called_off', 'expired', 'unknown')),
    -- A person's id, or the name of a service.
    actor text not null,
    at timestamptz not null,
    constraint order_events_pkey primary key (order_id, version)
);

-- Nobody has written down what happened before.
insert into order_events (order_id, version, status, reason, actor, at)
select id, version, status, 'unknown', 'unknown', updated_at from orders;
