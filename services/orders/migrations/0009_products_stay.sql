-- Orders take a product by `insert … on conflict do update` (decision 21), which would bring back one that has gone since they
-- were priced.
create function products_stay() returns trigger language plpgsql as $$
begin
    raise exception 'a product stays: what is not sold any more has no stock' using errcode = 'restrict_violation';
end
$$;

create trigger products_stay before delete or truncate or update of sku on products
for each statement execute function products_stay();
