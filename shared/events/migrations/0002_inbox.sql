-- What the service has handled, each event remembered in the transaction of its effect: it has none a second time.
create table events.inbox (
    consumer text not null,
    id uuid not null,
    handled_at timestamptz not null default now(),
    constraint inbox_pkey primary key (consumer, id)
);

-- For the sweep.
create index inbox_by_age on events.inbox (handled_at);
