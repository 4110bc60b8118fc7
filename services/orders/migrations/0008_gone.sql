-- Who was deleted, until no order of theirs can come any more: one may be on its way while the others are forgotten.
create table gone (
    user_id uuid constraint gone_pkey primary key,
    at timestamptz not null default now()
);
