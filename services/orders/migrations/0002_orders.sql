create table orders (
    -- Ordered by time: the primary key is also the order of the pages.
    id uuid constraint orders_pkey primary key,
    -- The account lives in another service's database: no reference.
    user_id uuid not null,
    status text not null constraint orders_status_is_known
        check (status in ('pending', 'confirmed', 'rejected', 'cancelled')),
    currency text not null,
    total_amount bigint not null constraint orders_total_is_not_negative check (total_amount >= 0),
    -- Counts the changes of the status.
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index orders_of_a_user on orders (user_id, id desc);

create table order_lines (
    order_id uuid not null constraint order_lines_order_id_fkey references orders on delete cascade,
    sku text collate "C" not null constraint order_lines_sku_fkey references products,
    -- Name and price as they were when the order was placed.
    name text not null,
    quantity bigint not null constraint order_lines_quantity_is_in_range check (quantity between 1 and 1000),
    unit_price_amount bigint not null,
    total_amount bigint not null,
    constraint order_lines_pkey primary key (order_id, sku),
    constraint order_lines_total_is_right check (total_amount = unit_price_amount * quantity)
);
