//! What happens to orders while they wait for a product that somebody else has locked.

use std::time::Duration;

use proto::orders::v1 as pb;
use rpc::deadline;
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};
use tokio::{
    join,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tonic::{Code, Status};

use crate::harness::{Service, refusal};

/// On a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const KEY: &str = "2f4c1c86-0b4e-4b1e-9a52-0c9d5f5d8a11";

/// A transaction that has this product.
async fn lock(service: &Service, sku: &str) -> PgConnection {
    let mut holder = service.connection().await;
    let locking = format!("begin; select from products where sku = '{sku}' for update");
    raw_sql(AssertSqlSafe(locking)).execute(&mut holder).await.unwrap();
    holder
}

/// Waits until so many wait for a lock. A transaction would see again and again what it has seen first.
async fn until_waiting(service: &Service, number: i64) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    timeout(PATIENCE, async { while service.count(waiting).await != number {} }).await.unwrap();
}

/// Tables by the key, which somebody else has locked.
async fn order_and_wait(service: &Service, quantity: i64) -> JoinHandle<Result<pb::Order, Status>> {
    let person = service.person();
    let order = tokio::spawn(async move { person.place_with_key(&[("TABLE-OAK", quantity)], KEY).await });
    until_waiting(service, 1).await;
    order
}

#[tokio::test]
async fn an_order_has_the_price_of_the_moment_at_which_it_takes_the_stock() {
    let service = Service::start().await;
    let mut holder = lock(&service, "TABLE-OAK").await;
    let order = order_and_wait(&service, 2).await;
    raw_sql("update products set price_amount = 1, name = 'Another' where sku = 'TABLE-OAK'; commit")
        .execute(&mut holder)
        .await
        .unwrap();
    let order = order.await.unwrap().unwrap();
    assert_eq!((order.total.unwrap().amount, order.lines[0].name.as_str()), (2, "Another"));
    assert_eq!(service.stock("TABLE-OAK").await, 18);
    assert_eq!(service.count("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn an_order_whose_stock_is_gone_meanwhile_is_refused_and_leaves_nothing() {
    let service = Service::start().await;
    let mut holder = lock(&service, "TABLE-OAK").await;
    let order = order_and_wait(&service, 2).await;
    raw_sql("update products set stock = 1 where sku = 'TABLE-OAK'; commit").execute(&mut holder).await.unwrap();
    assert_eq!(refusal(order.await.unwrap()), (Code::FailedPrecondition, Some("OUT_OF_STOCK".to_owned())));
    assert_eq!(service.stock("TABLE-OAK").await, 1);
    for left in [
        "select count(*) from orders",
        "select count(*) from order_lines",
        "select count(*) from order_events",
        "select count(*) from events.outbox",
        "select count(*) from idempotency_keys",
    ] {
        assert_eq!(service.count(left).await, 0, "{left}");
    }
}

#[tokio::test]
async fn an_order_that_is_refused_for_its_last_product_has_taken_nothing_of_the_first() {
    let service = Service::start().await;
    let mut holder = lock(&service, "TABLE-OAK").await;
    let person = service.person();
    let order = tokio::spawn(async move { person.place(&[("BOX-OAK", 3), ("TABLE-OAK", 2)]).await });
    until_waiting(&service, 1).await;
    raw_sql("update products set stock = 1 where sku = 'TABLE-OAK'; commit").execute(&mut holder).await.unwrap();
    assert_eq!(refusal(order.await.unwrap()), (Code::FailedPrecondition, Some("OUT_OF_STOCK".to_owned())));
    assert_eq!((service.stock("BOX-OAK").await, service.stock("TABLE-OAK").await), (150, 1));
}

#[tokio::test]
async fn an_order_whose_stock_comes_back_meanwhile_is_placed() {
    let service = Service::start().await;
    service.person().place(&[("TABLE-OAK", 1)]).await.unwrap();
    service.sql("update products set stock = 0 where sku = 'TABLE-OAK'").await;
    let mut holder = lock(&service, "TABLE-OAK").await;
    let order = order_and_wait(&service, 2).await;
    raw_sql("update products set stock = 5 where sku = 'TABLE-OAK'; commit").execute(&mut holder).await.unwrap();
    order.await.unwrap().unwrap();
    assert_eq!(service.stock("TABLE-OAK").await, 3);
}

#[tokio::test]
async fn an_order_that_waits_for_stock_ends_with_its_deadline_and_takes_nothing() {
    let service = Service::start().await;
    let mut holder = lock(&service, "TABLE-OAK").await;
    let person = service.person();
    // One that is not blocked comes first: it fetches the keys that tokens are verified with.
    person.place(&[("BOX-OAK", 1)]).await.unwrap();
    let answer = deadline::within(Duration::from_millis(300), person.place(&[("TABLE-OAK", 1)])).await;
    if let Ok(answer) = answer {
        assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    }

    until_waiting(&service, 0).await;
    raw_sql("rollback").execute(&mut holder).await.unwrap();
    assert_eq!(service.stock("TABLE-OAK").await, 20);
    assert_eq!(service.count("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn an_order_that_waits_for_one_product_after_another_ends_with_its_deadline_too() {
    const TIME: Duration = Duration::from_millis(500);
    let service = Service::start().await;
    let (mut first, mut second) = (lock(&service, "BOX-OAK").await, lock(&service, "TABLE-OAK").await);
    let person = service.person();
    person.place(&[("HOOK-OAK", 1)]).await.unwrap();
    let began = Instant::now();
    let items = [("BOX-OAK", 1), ("TABLE-OAK", 1)];
    let (answer, ()) = join!(deadline::within(TIME, person.place(&items)), async {
        // The wait for the second begins late, and has a limit of its own, which is later than the deadline.
        sleep_until(began + TIME * 3 / 4).await;
        raw_sql("rollback").execute(&mut first).await.unwrap();
        sleep_until(began + TIME * 5 / 4).await;
        raw_sql("rollback").execute(&mut second).await.unwrap();
    });
    if let Ok(answer) = answer {
        assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    }

    // As soon as it can be had the statement is over.
    lock(&service, "BOX-OAK").await;
    assert_eq!((service.stock("BOX-OAK").await, service.stock("TABLE-OAK").await), (150, 20));
    assert_eq!(service.count("select count(*) from orders").await, 1);
}
