//! Orders in great number, as if they had been placed one after the other by many people.

use std::{
    ops::Range,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::bench::shop::Shop;

/// Rows that are written at a time.
const AT_ONCE: usize = 250_000;

/// Orders of each customer in each range, and of everybody else.
const EACH: u64 = 1000;

/// An order each millisecond, the last a while ago; its customers' are spread evenly. Only what a list shows: lines and
/// events of orders are in tables of their own.
const FILL: &str = "
    with numbered as (
        select n, $3 + n as at, n % $4 as owner from generate_series($1::bigint, $2::bigint - 1) as n
    )
    insert into orders (id, user_id, status, currency, total_amount, version, created_at, updated_at)
    select
        (lpad(to_hex(at), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
        coalesce(($5::uuid[])[owner + 1], ('ffffffff00007000' || '8000' || lpad(to_hex(owner), 12, '0'))::uuid),
        'confirmed', 'EUR', 1234, 2, to_timestamp(at / 1000.0), to_timestamp(at / 1000.0)
    from numbered";

/// Writes the orders of these numbers, and leaves the table as if it had been so for long.
pub async fn up_to(shop: &Shop<'_>, numbers: Range<u64>, customers: &[Uuid]) -> anyhow::Result<()> {
    let mut database = shop.cluster.postgres.connect_to_orders().await?;
    sqlx::query("set synchronous_commit = off").execute(&mut database).await?;
    let (began, people) = (Instant::now(), (numbers.end - numbers.start) / EACH);
    // Before everything that is really placed; what is filled in later is newer.
    let first = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())? - 1_000_000_000;
    let mut batches = numbers.clone().step_by(AT_ONCE).peekable();
    while let Some(from) = batches.next() {
        let to = batches.peek().copied().unwrap_or(numbers.end);
        fill(&mut database, [from, to], first, people, customers).await.context("the table cannot be filled")?;
        println!("{to} of {} orders after {:.0} s", numbers.end, began.elapsed().as_secs_f64());
    }
    for statement in ["vacuum analyze orders", "checkpoint"] {
        sqlx::query(statement).execute(&mut database).await?;
    }
    let (size,): (String,) =
        sqlx::query_as("select pg_size_pretty(pg_total_relation_size('orders'))").fetch_one(&mut database).await?;
    println!("{} orders: {size}", numbers.end);
    Ok(database.close().await?)
}

async fn fill(
    database: &mut PgConnection,
    numbers: [u64; 2],
    first: i64,
    people: u64,
    customers: &[Uuid],
) -> anyhow::Result<()> {
    let mut query = sqlx::query(FILL);
    for number in numbers {
        query = query.bind(i64::try_from(number)?);
    }
    query.bind(first).bind(i64::try_from(people)?).bind(customers).execute(database).await?;
    Ok(())
}
