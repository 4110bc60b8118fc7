//! The pool when much is asked of it, and when something goes wrong on the way.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::{Duration, Instant};

use database::{Config, Connection, Failure, Pool, connect};
use futures::future::{join_all, try_join_all};
use sqlx::{AssertSqlSafe, Connection as _, Error, Executor, PgConnection, migrate::Migrator, query, query_scalar};
use tokio::{
    task::{JoinHandle, yield_now},
    time::{advance, pause, resume, timeout},
};

/// Nothing here takes as long as this.
const PATIENCE: Duration = Duration::from_secs(10);

async fn database(connections: u32) -> (Config, Pool) {
    let config = testkit::private_database(&Migrator::with_migrations(Vec::new())).await;
    let config = Config { database_max_connections: connections, ..config };
    let pool = connect(&config).await.unwrap();
    (config, pool)
}

/// A connection that is not the pool's.
async fn operator(config: &Config) -> PgConnection {
    PgConnection::connect_with(&config.database_url).await.unwrap()
}

/// How many of the database's connections, but for the operator's, are like this.
async fn count(operator: &mut PgConnection, condition: &str) -> i64 {
    let count = format!(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and {condition}"
    );
    query_scalar(AssertSqlSafe(count)).fetch_one(operator).await.unwrap()
}

/// Waits until there are so many of them.
async fn until(operator: &mut PgConnection, condition: &str, expected: i64) {
    let wait = async { while count(operator, condition).await != expected {} };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {expected}: {condition}"));
}

async fn cut_all(operator: &mut PgConnection) {
    let all = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    query(all).execute(&mut *operator).await.unwrap();
    until(operator, "true", 0).await;
}

async fn time_passes(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

/// What waits for this waits for the operator.
const LOCK: &str = "select pg_advisory_lock(1)";
const UNLOCK: &str = "select pg_advisory_unlock(1)";

/// Tasks that leave a little of the time to each other, and so to everybody else.
fn keep_busy(tasks: usize) -> Vec<JoinHandle<()>> {
    let work = || async {
        loop {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(50) {}
            yield_now().await;
        }
    };
    (0..tasks).map(|_| tokio::spawn(work())).collect()
}

/// As a client that is told to come again.
async fn insist(pool: &Pool) -> Connection {
    loop {
        match pool.acquire().await {
            Err(Error::PoolTimedOut) => {}
            connection => return connection.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_is_busy_does_not_hold_up_who_needs_a_connection() {
    let (config, pool) = database(10).await;
    // Tasks of which each is next after 5 ms at best. One that opens a connection itself is next some 800 times.
    let busy = keep_busy(200);
    let users = (0..10).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move { insist(&pool).await })
    });
    let connections = timeout(Duration::from_secs(3), try_join_all(users)).await;
    busy.iter().for_each(JoinHandle::abort);
    let connections = connections.expect("somebody has waited in vain").unwrap();
    assert_eq!(count(&mut operator(&config).await, "true").await, 10);
    drop(connections);
}

#[tokio::test]
async fn there_are_never_more_than_allowed() {
    let (config, pool) = database(3).await;
    let mut operator = operator(&config).await;
    let users = (0..30).map(|_| async {
        let mut connection = insist(&pool).await;
        query("select pg_sleep(0.01)").execute(&mut connection).await.unwrap();
    });
    join_all(users).await;
    assert!((1..=3).contains(&count(&mut operator, "true").await));
}

#[tokio::test]
async fn whoever_comes_just_when_a_connection_was_opened_gets_one_of_its_own() {
    for _ in 0..3 {
        let (_, pool) = database(10).await;
        let mut held = Vec::new();
        for number in 1..=10 {
            let connection = pool.acquire().await;
            held.push(connection.unwrap_or_else(|error| panic!("connection {number}: {error}")));
        }
    }
}

#[tokio::test]
async fn a_connection_that_nobody_waits_for_any_more_is_there_for_the_next() {
    let (config, pool) = database(2).await;
    let held = pool.acquire().await.unwrap();
    // Given up when it was asked for, and not before.
    let given_up = timeout(Duration::ZERO, pool.acquire()).await;
    assert!(given_up.is_err());
    let mut operator = operator(&config).await;
    until(&mut operator, "true", 2).await;
    let mut connection = insist(&pool).await;
    query("select 1").execute(&mut connection).await.unwrap();
    assert_eq!(count(&mut operator, "true").await, 2, "it is not a third one");
    drop(held);
}

#[tokio::test]
async fn a_statement_that_was_given_up_is_nobody_elses_trouble() {
    let (config, pool) = database(1).await;
    let mut operator = operator(&config).await;
    for round in 0..10 {
        operator.execute(LOCK).await.unwrap();
        let work = pool.clone();
        let given_up = tokio::spawn(async move {
            let mut connection = work.acquire().await.unwrap();
            // As many rows as do not fit into one packet.
            let rows = query("select pg_advisory_xact_lock_shared(1), generate_series(1, 10000)");
            rows.fetch_all(&mut connection).await.unwrap();
        });
        until(&mut operator, "wait_event = 'advisory'", 1).await;
        given_up.abort();
        operator.execute(UNLOCK).await.unwrap();
        let mut connection = insist(&pool).await;
        let answer: i32 = query_scalar("select $1").bind(round).fetch_one(&mut connection).await.unwrap();
        assert_eq!(answer, round);
    }
}

#[tokio::test]
async fn a_transaction_that_was_given_up_is_undone_before_anybody_is_next() {
    let (config, pool) = database(1).await;
    let mut operator = operator(&config).await;
    operator.execute("create table things (id bigint)").await.unwrap();
    operator.execute(LOCK).await.unwrap();
    let work = pool.clone();
    let given_up = tokio::spawn(async move {
        let mut tx = work.begin(None).await.unwrap();
        query("insert into things values (1)").execute(&mut *tx).await.unwrap();
        query("select pg_advisory_xact_lock_shared(1)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    });
    until(&mut operator, "wait_event = 'advisory'", 1).await;
    given_up.abort();
    operator.execute(UNLOCK).await.unwrap();
    let mut connection = insist(&pool).await;
    query("insert into things values (2)").execute(&mut connection).await.unwrap();
    // It is no part of that transaction.
    let things: Vec<i64> = query_scalar("select id from things").fetch_all(&mut operator).await.unwrap();
    assert_eq!(things, [2]);
}

#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_or_ends_is_nobody_elses_trouble() {
    let (config, pool) = database(1).await;
    let mut operator = operator(&config).await;
    operator.execute("create table things (id int)").await.unwrap();
    for given_up_after in (0..40).map(|step| Duration::from_micros(step * 50)) {
        let work = async {
            let mut tx = pool.begin(Some(PATIENCE)).await?;
            query("insert into things values (1)").execute(&mut *tx).await?;
            tx.commit().await
        };
        let _ = timeout(given_up_after, work).await;
        let mut connection = insist(&pool).await;
        query("insert into things values (2)").execute(&mut connection).await.unwrap();
        let limit: String = query_scalar("show statement_timeout").fetch_one(&mut connection).await.unwrap();
        assert_eq!(limit, "5s");
    }
    let things: i64 = query_scalar("select count(*) from things where id = 2").fetch_one(&mut operator).await.unwrap();
    assert_eq!(things, 40, "none of them was part of somebody else's transaction");
}

#[tokio::test]
async fn a_refused_commit_leaves_a_connection_that_can_be_used() {
    let (config, pool) = database(1).await;
    let table = "create table things (id bigint unique deferrable initially deferred)";
    operator(&config).await.execute(table).await.unwrap();
    let mut tx = pool.begin(None).await.unwrap();
    query("insert into things values (1), (1)").execute(&mut *tx).await.unwrap();
    assert!(tx.commit().await.is_err());
    let mut tx = pool.begin(None).await.unwrap();
    query("insert into things values (1)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn when_one_connection_was_cut_the_others_are_asked_before_they_are_used() {
    let (config, pool) = database(4).await;
    let mut connections = try_join_all((0..4).map(|_| pool.acquire())).await.unwrap();
    let mut used = connections.pop().unwrap();
    drop(connections);
    cut_all(&mut operator(&config).await).await;
    let error = query("select 1").execute(&mut used).await.unwrap_err();
    assert_eq!(Failure::from(&error), Failure::Unavailable, "{error:?}");
    drop(used);
    // Each of them was there a moment ago.
    for mut connection in try_join_all((0..4).map(|_| pool.acquire())).await.unwrap() {
        query("select 1").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn connections_that_were_cut_while_nobody_looked_are_noticed_by_nobody() {
    let (config, pool) = database(4).await;
    drop(try_join_all((0..4).map(|_| pool.acquire())).await.unwrap());
    cut_all(&mut operator(&config).await).await;
    time_passes(Duration::from_secs(1)).await;
    for mut connection in try_join_all((0..4).map(|_| pool.acquire())).await.unwrap() {
        query("select 1").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_is_replaced_when_it_is_old() {
    let (_, pool) = database(1).await;
    let server = async || {
        let mut connection = pool.acquire().await.unwrap();
        query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap()
    };
    let first = server().await;
    assert_eq!(server().await, first);
    time_passes(Duration::from_secs(31 * 60)).await;
    assert_eq!(server().await, first, "nobody is held up: it is replaced after its use");
    assert_ne!(server().await, first);
}

#[tokio::test]
async fn who_waits_for_a_connection_that_is_cut_gets_another() {
    let (config, pool) = database(1).await;
    let mut used = pool.acquire().await.unwrap();
    let waiting = pool.clone();
    let waiting = tokio::spawn(async move { waiting.ping().await });
    cut_all(&mut operator(&config).await).await;
    query("select 1").execute(&mut used).await.unwrap_err();
    drop(used);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pool_is_closed_once_nobody_uses_it() {
    let (config, pool) = database(2).await;
    let mut operator = operator(&config).await;
    let mut used = pool.acquire().await.unwrap();
    drop(pool.acquire().await.unwrap());
    let closing = pool.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    // What is idle ends at once, and nobody gets one any more.
    until(&mut operator, "true", 1).await;
    assert!(matches!(pool.acquire().await, Err(Error::PoolClosed)));
    query("select 1").execute(&mut used).await.unwrap();
    assert!(!closing.is_finished());
    drop(used);
    timeout(PATIENCE, closing).await.unwrap().unwrap();
    until(&mut operator, "true", 0).await;
}
