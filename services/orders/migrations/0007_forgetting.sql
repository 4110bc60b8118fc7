-- When the account behind the order was deleted. The order stays, for the books, and is shown to nobody any more.
alter table orders add column forgotten_at timestamptz;
