//! Two versions side by side on one database: the next one has expanded the schema, and this one goes on working.

use payments::MIGRATIONS;

use crate::harness::Shop;

/// What a next version may do to tables that this one is using: expand, and leave contracting to the one after.
const EXPANDED: &str = "
    alter table payments add column method text;
    alter table payment_changes add column note text;
    alter table provider.ledger add column fee bigint not null default 0;
    alter table provider.attempts add column took_ms bigint;
";

#[tokio::test]
async fn this_version_works_on_while_the_next_one_starts_and_starts_again_beside_it() {
    let shop = Shop::open().await;
    let _running = shop.start().await;
    // Its statements are prepared for the tables as they were.
    pay_and_refund(&shop).await;
    testkit::migrate_ahead(&shop.database, &MIGRATIONS, EXPANDED).await;
    pay_and_refund(&shop).await;
    let _restarted = shop.start().await;
    pay_and_refund(&shop).await;
}

async fn pay_and_refund(shop: &Shop) {
    let order = shop.place(100).await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    shop.cancel(order).await;
    shop.until_told(order, &["PaymentCaptured", "PaymentRefunded"]).await;
}
