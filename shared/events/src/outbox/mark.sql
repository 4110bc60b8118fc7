-- Found by their keys: with `published_at is null` the planner would look through all that waits, which it holds to be
-- nothing. The array is selected so that it does not plan anew for each length. It does not wait for the disk, as for a lease.
update events.outbox set published_at = now(), leased_until = null, error = null
where (select set_config('synchronous_commit', 'off', true)) is not null
    and id = any ((select $1::uuid[])::uuid[]) and coalesce(published_at, dead_since) is null
