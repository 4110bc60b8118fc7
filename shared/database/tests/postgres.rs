//! Against a real PostgreSQL: migrations, time limits, failures, databases of one's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use database::{Config, Failure, Pool, Transaction, connect, migrate, migrate_schema, provision, violated_constraint};
use settings::Secret;
use sqlx::{
    Connection, PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    query,
};
use tokio::join;

fn migrations(statements: &'static [&'static str]) -> Migrator {
    let migration = |(version, statement): (i64, &'static str)| {
        Migration::new(version, "test".into(), MigrationType::Simple, statement.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(statements.iter().copied()).map(migration).collect())
}

async fn empty_database() -> (Config, Pool) {
    let config = testkit::private_database(&migrations(&[])).await;
    let pool = connect(&config).await.unwrap();
    (config, pool)
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let (config, _) = empty_database().await;
    let schema = migrations(&["create table things (id bigint)", "insert into things values (1)"]);
    let replicas = (0..4).map(|_| async {
        let pool = connect(&config).await.unwrap();
        migrate(&pool, &schema).await
    });
    for outcome in futures::future::join_all(replicas).await {
        outcome.unwrap();
    }
    let pool = connect(&config).await.unwrap();
    assert_eq!(query("select from things").fetch_all(&mut pool.acquire().await.unwrap()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_older_program_runs_beside_a_newer_schema() {
    let (_, pool) = empty_database().await;
    migrate(&pool, &migrations(&["create table old (id bigint)", "create table new (id bigint)"])).await.unwrap();
    migrate(&pool, &migrations(&["create table old (id bigint)"])).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_an_error() {
    let (_, pool) = empty_database().await;
    migrate(&pool, &migrations(&["create table things (id bigint)"])).await.unwrap();
    assert!(migrate(&pool, &migrations(&["create table things (id text)"])).await.is_err());
}

#[tokio::test]
async fn a_schema_of_its_own_has_migrations_of_its_own() {
    let (_, pool) = empty_database().await;
    let schema = migrations(&["create table guests.things (id bigint)"]);
    migrate(&pool, &migrations(&["create table things (id text)"])).await.unwrap();
    for _ in 0..2 {
        migrate_schema(&pool, "guests", &schema).await.unwrap();
    }
    let mut connection = pool.acquire().await.unwrap();
    query("select from things join guests.things as guest on guest.id = 1").execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unavailable() {
    let (listener, address) = testkit::listener().await;
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let url = format!("postgres://nobody@{address}/nothing");
    let error = PgConnection::connect(&url).await.unwrap_err();
    assert_eq!(Failure::from(&error), Failure::Unavailable, "{error:?}");
}

#[tokio::test]
async fn a_migration_may_take_longer_than_a_statement() {
    let (config, _) = empty_database().await;
    let pool = connect(&Config { database_statement_timeout_ms: 20, ..config }).await.unwrap();
    migrate(&pool, &migrations(&["select pg_sleep(0.1)"])).await.unwrap();
    let late = query("select pg_sleep(5)").execute(&mut pool.acquire().await.unwrap()).await.unwrap_err();
    assert_eq!(Failure::from(&late), Failure::TimedOut);
}

#[tokio::test]
async fn a_transaction_ends_its_statements_with_the_deadline() {
    let (_, pool) = empty_database().await;
    let mut tx = pool.begin(Some(Duration::from_millis(20))).await.unwrap();
    let late = query("select pg_sleep(5)").execute(&mut *tx).await.unwrap_err();
    assert_eq!(Failure::from(&late), Failure::TimedOut);
    drop(tx);

    // The limit was the transaction's, not the connection's.
    let mut tx = pool.begin(None).await.unwrap();
    query("select pg_sleep(0.05)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_lock_can_have_a_limit_of_its_own() {
    let (_, pool) = empty_database().await;
    let locking = "select pg_advisory_xact_lock(1)";
    let mut holder = pool.begin(None).await.unwrap();
    query(locking).execute(&mut *holder).await.unwrap();
    let mut waiting = pool.begin(None).await.unwrap();
    query("set local lock_timeout = 20").execute(&mut *waiting).await.unwrap();
    let late = query(locking).execute(&mut *waiting).await.unwrap_err();
    assert_eq!(Failure::from(&late), Failure::TimedOut);
}

#[tokio::test]
async fn of_two_who_wait_for_each_other_one_may_try_again() {
    let (_, pool) = empty_database().await;
    let [mut one, mut other] = [pool.begin(None).await.unwrap(), pool.begin(None).await.unwrap()];
    let [first, second] = ["select pg_advisory_xact_lock(1)", "select pg_advisory_xact_lock(2)"];
    query(first).execute(&mut *one).await.unwrap();
    query(second).execute(&mut *other).await.unwrap();
    let waits = async |mut tx: Transaction, locking| {
        let locked = query(locking).execute(&mut *tx).await;
        locked.map(drop)
    };
    let (one, other) = join!(waits(one, second), waits(other, first));
    let given_up = one.and(other).unwrap_err();
    assert_eq!(Failure::from(&given_up), Failure::Unavailable);
}

#[tokio::test]
async fn what_is_dropped_before_its_commit_has_not_happened() {
    let (_, pool) = empty_database().await;
    migrate(&pool, &migrations(&["create table things (id bigint)"])).await.unwrap();
    let mut tx = pool.begin(Some(Duration::from_secs(5))).await.unwrap();
    query("insert into things values (1)").execute(&mut *tx).await.unwrap();
    drop(tx);
    assert!(query("select from things").fetch_optional(&mut pool.acquire().await.unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_violated_constraint_has_a_name() {
    let (_, pool) = empty_database().await;
    migrate(&pool, &migrations(&["create table things (id bigint constraint things_one unique)"])).await.unwrap();
    query("insert into things values (1)").execute(&mut pool.acquire().await.unwrap()).await.unwrap();
    let again = query("insert into things values (1)").execute(&mut pool.acquire().await.unwrap()).await.unwrap_err();
    assert_eq!(violated_constraint(&again), Some("things_one"));
    assert_eq!(Failure::from(&again), Failure::Defect);
}

#[tokio::test]
async fn a_connection_that_the_server_cuts_is_unavailability() {
    let (config, _) = empty_database().await;
    let pool = connect(&Config { database_max_connections: 1, ..config.clone() }).await.unwrap();
    let mut tx = pool.begin(None).await.unwrap();
    let mut operator = PgConnection::connect_with(&config.database_url).await.unwrap();
    let others = "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()";
    query(others).execute(&mut operator).await.unwrap();
    let cut = query("select 1").execute(&mut *tx).await.unwrap_err();
    assert_eq!(Failure::from(&cut), Failure::Unavailable);
    drop(tx);
    // The pool gets over it.
    pool.ping().await.unwrap();
}

#[tokio::test]
async fn a_refused_role_is_an_error_and_not_waited_for() {
    let (config, _) = empty_database().await;
    let nobody = config.database_url.clone().username("nobody_of_that_name").password("wrong");
    let error = connect(&Config { database_url: nobody, ..config }).await.unwrap_err();
    let told = format!("{error:#}");
    assert!(told.starts_with("the database refuses: "), "{told}");
    assert_eq!(told.matches("nobody_of_that_name").count(), 1, "{told}");
}

#[tokio::test]
async fn a_provisioned_database_belongs_to_its_role_alone() {
    let (config, _) = empty_database().await;
    let (one, two) = (unique("one"), unique("two"));
    let password = Secret::from("it's a secret".to_owned());
    let ones = provision(&config.database_url, &one, &password).await.unwrap();
    let twos = provision(&config.database_url, &two, &password).await.unwrap();
    let mut connection = PgConnection::connect_with(&ones).await.unwrap();
    query("create table things (id bigint)").execute(&mut connection).await.unwrap();
    let elsewhere = PgConnection::connect_with(&twos.database(&one)).await.unwrap_err();
    assert!(elsewhere.to_string().contains("permission denied"), "{elsewhere}");
}

#[tokio::test]
async fn provisioning_again_keeps_the_data_and_changes_the_password() {
    let (config, _) = empty_database().await;
    let name = unique("again");
    let first = provision(&config.database_url, &name, &Secret::from("first".to_owned())).await.unwrap();
    let mut connection = PgConnection::connect_with(&first).await.unwrap();
    query("create table things (id bigint)").execute(&mut connection).await.unwrap();
    let second = provision(&config.database_url, &name, &Secret::from("second".to_owned())).await.unwrap();
    let mut connection = PgConnection::connect_with(&second).await.unwrap();
    query("insert into things values (1)").execute(&mut connection).await.unwrap();
    assert!(PgConnection::connect_with(&first).await.is_err());
}

fn unique(name: &str) -> String {
    format!("{name} \"quoted\" {}", uuid::Uuid::now_v7())
}
