//! Several instances on one database.

use crate::harness::Shop;

#[tokio::test]
async fn two_instances_share_the_work_and_each_asks_for_eight_at_once() {
    let shop = Shop::open().await;
    let _payments = (shop.start().await, shop.start().await);
    let provider = shop.hold_provider().await;
    let mut orders = Vec::new();
    for _ in 0..20 {
        orders.push(shop.place(100).await);
    }
    shop.until_count("select count(*) from payments where attempts = 1", 16).await;
    provider.release().await;
    for order in &orders {
        shop.until_told(*order, &["PaymentCaptured"]).await;
    }
    let mut books = shop.books().await;
    assert_eq!(books.count("select count(*) from provider.attempts where outcome = 'captured'").await, Some(20));
}

#[tokio::test]
async fn one_connection_is_enough_for_everything() {
    let database = testkit::private_database(&payments::MIGRATIONS).await;
    let shop = Shop::open_on(database::Config { database_max_connections: 1, ..database });
    let _payments = shop.start().await;
    for _ in 0..10 {
        let order = shop.place(100).await;
        shop.until_told(order, &["PaymentCaptured"]).await;
        shop.cancel(order).await;
        shop.until_told(order, &["PaymentCaptured", "PaymentRefunded"]).await;
    }
}
