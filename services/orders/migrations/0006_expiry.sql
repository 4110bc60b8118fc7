-- For the sweeper, which looks every few seconds: few orders are pending, however many there are.
create index orders_pending_by_age on orders (created_at) where status = 'pending';
