//! Instances that are killed, and those that come after them.

use crate::harness::Shop;

#[tokio::test]
async fn what_was_charged_and_not_written_down_is_not_charged_again() {
    let shop = Shop::open().await;
    let payments = shop.start().await;
    let provider = shop.hold_provider().await;
    let order = shop.place(100).await;
    shop.until_count("select count(*) from payments where attempts = 1", 1).await;
    // Nothing can be written down of it.
    let mut row = shop.books().await;
    row.run("begin; select 1 from payments for update").await;
    provider.release().await;
    shop.until_count("select count(*) from provider.ledger where status = 'captured'", 1).await;
    shop.until_count(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        1,
    )
    .await;
    payments.kill().await;
    // The statement would be done without whoever has sent it.
    row.run("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()").await;
    row.release().await;
    shop.until_status(order, "authorizing").await;

    let _another = shop.start().await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    assert_eq!(shop.attempts(order).await, "charge captured, charge captured");
    shop.until_count("select count(*) from provider.ledger", 1).await;
}

#[tokio::test]
async fn a_restart_goes_on_with_what_was_to_be_charged() {
    let shop = Shop::open().await;
    let payments = shop.start().await;
    let provider = shop.hold_provider().await;
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(shop.place(100).await);
    }
    shop.until_count("select count(*) from payments where attempts = 1", 8).await;
    payments.kill().await;
    provider.release().await;

    let _another = shop.start().await;
    for order in orders {
        shop.until_told(order, &["PaymentCaptured"]).await;
    }
    shop.until_count("select count(*) from provider.ledger where status = 'captured'", 10).await;
}

#[tokio::test]
async fn whoever_leaves_finishes_what_is_under_way_and_tells_of_it() {
    let shop = Shop::open().await;
    let payments = shop.start().await;
    let provider = shop.hold_provider().await;
    let order = shop.place(100).await;
    shop.until_count("select count(*) from payments where attempts = 1", 1).await;
    payments.leave();
    provider.release().await;
    payments.left().await;
    assert_eq!(shop.changes(order).await, "authorizing, captured");
    // Whether it was published depends on who else is on the bus; it is safe in the outbox.
    let mut books = shop.books().await;
    assert_eq!(books.count("select count(*) from events.outbox").await, Some(1));
}
