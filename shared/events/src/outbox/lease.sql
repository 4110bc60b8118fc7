-- The subquery of the first of a subject is one that cannot be joined: it is looked up for one row after the other, from
-- the oldest on, until there are enough, however many wait. So is the array, whose rows are found by their keys. And what is
-- selected cannot be known to the planner: with the numbers it would plan anew each time, which takes as long as the rest.
-- It does not wait for the disk: a lease that is lost with the server costs that its events are published again, which nobody
-- notices.
update events.outbox set leased_until = now() + make_interval(secs => $1)
where (select set_config('synchronous_commit', 'off', true)) is not null and id = any (array(
    select waiting.id from events.outbox as waiting
    where waiting.sequence >= (select $3::bigint) and waiting.published_at is null and waiting.dead_since is null
        and (waiting.leased_until is null or waiting.leased_until <= now())
        and waiting.sequence = (
            select earlier.sequence from events.outbox as earlier
            where earlier.subject = waiting.subject and earlier.published_at is null
            order by earlier.sequence limit 1
        )
    order by waiting.sequence
    limit (select $2::bigint)
    for update of waiting skip locked
))
returning sequence, id, subject, kind, time, data, traceparent, tracestate
