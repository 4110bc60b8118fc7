create table payments (
    -- Also the key by which the provider knows it, so that it is charged once, however often the provider is asked.
    id uuid constraint payments_pkey primary key,
    -- The order lives in another service's database: no reference.
    order_id uuid not null constraint payments_one_for_each_order unique,
    status text not null constraint payments_status_is_known check (
        status in ('authorizing', 'captured', 'declined', 'cancelling', 'called_off', 'refunding', 'refunded')
    ),
    -- In minor units of the currency. Unknown of an order that was called off before it was heard of.
    amount bigint constraint payments_amount_is_not_negative check (amount >= 0),
    currency text constraint payments_currency_is_well_formed check (currency ~ '^[A-Z]{3}$'),
    -- Counts the changes of the status.
    version bigint not null default 1,
    -- How often the provider was asked; counted before it is.
    attempts integer not null default 0,
    -- When the provider is to be asked: put off by whoever asks, as a lease that ends by itself, and after a failure.
    due_at timestamptz,
    -- The trace of what is to be paid or given back (W3C Trace Context).
    traceparent text,
    tracestate text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint payments_amount_is_known check (
        (amount is null) = (currency is null) and (amount is not null or status = 'called_off')
    ),
    constraint payments_due_is_what_is_open check (
        (due_at is not null) = (status in ('authorizing', 'cancelling', 'refunding'))
    )
);

-- For the charger: few rows, however many payments there have been.
create index payments_due on payments (due_at) where due_at is not null;

-- What has become of a payment, and when.
create table payment_changes (
    payment_id uuid not null constraint payment_changes_payment_id_fkey references payments on delete cascade,
    version bigint not null,
    status text not null,
    changed_at timestamptz not null default now(),
    constraint payment_changes_pkey primary key (payment_id, version)
);
