-- Places an order: everything, or nothing.
with line as (
    select * from unnest($6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[])
        as line (sku, name, quantity, unit_price_amount, total_amount)
),
-- For this statement alone: nobody waits for a product longer than for the answer. `statement_timeout` would come too late
-- here.
limited as (
    select set_config('lock_timeout', $17::integer::text, true)
),
-- One after the other in the order of the lines, which is that of their skus, as everywhere: two orders of the same
-- products wait for each other, never in a circle.
product as (
    select line.*, description, stock, (current.name, price_amount, currency) = (line.name, unit_price_amount, $3) as is_the_same
    from limited, line, lateral (
        select name, description, price_amount, currency, stock from products where sku = line.sku for update
    ) as current
),
-- One row, if every product is what the order says, there is enough of it, and the time was not spent with waiting.
available as (
    select from product where is_the_same and stock >= quantity
    having count(*) = cardinality($6)
        and (clock_timestamp() < statement_timestamp() + make_interval(secs => $17 / 1000.0)) is not false
),
-- One row, if nobody has the key. Waits for another order that has it and is not yet done; after the products, so that
-- whoever has a key waits for nobody.
claimed as (
    insert into idempotency_keys (user_id, key, order_id)
    select $2, $18, $1 from available where $18::text is not null
    on conflict on constraint idempotency_keys_pkey do update
    set order_id = excluded.order_id, created_at = excluded.created_at
    where idempotency_keys.created_at < now() - make_interval(secs => $19)
    returning key
), accepted as (
    select from available where $18::text is null or exists (select from claimed)
),
-- They are there and locked, so this inserts nothing: it changes the rows as they are now. An `update` would begin with what they
-- were before the wait, where there may have been too little, and do it all again with what they are (decision 21).
taken as (
    insert into products (sku, name, description, price_amount, currency, stock)
    select sku, name, description, unit_price_amount, $3, stock - quantity from product, accepted
    on conflict on constraint products_pkey do update set stock = excluded.stock
), placed as (
    insert into orders (id, user_id, status, currency, total_amount, created_at, updated_at)
    select $1, $2, 'pending', $3, $4, $5, $5 from accepted
), recorded as (
    insert into order_events (order_id, version, status, reason, actor, at)
    select $1, 1, 'pending', 'placed', $2::uuid::text, $5 from accepted
), told as (
    insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
    select $11, $1, $12, $13, $14, $15, $16 from accepted
)
insert into order_lines (order_id, sku, name, quantity, unit_price_amount, total_amount)
select $1, line.* from line, accepted
