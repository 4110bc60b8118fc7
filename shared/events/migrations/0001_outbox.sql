-- What the service tells, each event written with the change that it tells of. A row is updated twice in its life, once
-- where it stands if there is room; most rows are dead soon.
create table events.outbox (
    id uuid not null constraint outbox_pkey primary key,
    -- The order of writing, which is that of publishing for the events of one subject.
    sequence bigint not null generated always as identity,
    subject uuid not null,
    kind text not null,
    time timestamptz not null,
    data bytea not null,
    traceparent text,
    tracestate text,
    attempts integer not null default 0,
    leased_until timestamptz,
    published_at timestamptz,
    dead_since timestamptz,
    error text,
    constraint outbox_dead_is_not_published check (dead_since is null or published_at is null)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- For the relay, which takes the oldest first. No index has `leased_until`: leasing leaves them all as they are.
create index outbox_waiting on events.outbox (sequence) where published_at is null and dead_since is null;

-- Whether an event is the first of its subject. A dead one is, until somebody does something about it.
create index outbox_waiting_by_subject on events.outbox (subject, sequence) where published_at is null;

-- For the operator.
create index outbox_dead on events.outbox (dead_since) where dead_since is not null;

-- For the sweep.
create index outbox_published on events.outbox (published_at) where published_at is not null;
