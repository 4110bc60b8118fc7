create table products (
    -- Bytes are compared, so that the order of skus is the same here and in the program.
    sku text collate "C" constraint products_pkey primary key
        constraint products_sku_is_well_formed check (sku ~ '^[A-Z0-9-]{1,64}$'),
    name text not null,
    description text not null,
    -- In minor units of the currency.
    price_amount bigint not null constraint products_price_is_not_negative check (price_amount >= 0),
    currency text not null constraint products_currency_is_well_formed check (currency ~ '^[A-Z]{3}$'),
    -- The last line of defence against selling what is not there; the first is the lock that an order takes.
    stock bigint not null constraint products_stock_is_not_negative check (stock >= 0)
);
