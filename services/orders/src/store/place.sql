-- Places an order: everything, or nothing.
with line as (
    select * from unnest($6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[])
        as line (sku, name, quantity, unit_price_amount, total_amount)
),
-- For this statement alone: nobody waits for anything longer than for the answer. `statement_timeout` would come too late here.
limited as (
    select set_config('lock_timeout', $17::integer::text, true)
),
-- One row, if nobody has the key. Waits for another order that has it and is not yet done; before the products, for which
-- whoever has a key may wait.
claimed as (
    insert into idempotency_keys (user_id, key, order_id)
    select $2, $18, $1 from limited where $18::text is not null
    on conflict on constraint idempotency_keys_pkey do update
    set order_id = excluded.order_id, created_at = excluded.created_at
    where idempotency_keys.created_at < now() - make_interval(secs => $19)
    returning key
), accepted as (
    select from limited where $18::text is null or exists (select from claimed)
),
-- One after the other in the order of the lines, which is that of their skus, as everywhere: two orders of the same
-- products wait for each other, never in a circle. Products stay, so this inserts nothing: it goes to a row as it is after the
-- wait, where an `update` would begin with what it was before, and do it all again (decision 21). One that is not what the
-- order says any more, or comes when the time is over, is as good as sold out, which the table refuses, and with it the order.
taken as (
    insert into products as product (sku, name, description, price_amount, currency, stock)
    select sku, name, '', unit_price_amount, $3, quantity from line, accepted
    on conflict on constraint products_pkey do update set stock = case
        when (product.name, product.price_amount, product.currency) = (excluded.name, excluded.price_amount, excluded.currency)
            and (clock_timestamp() < statement_timestamp() + make_interval(secs => $17 / 1000.0)) is not false
        then product.stock - excluded.stock
        else -1
    end
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
