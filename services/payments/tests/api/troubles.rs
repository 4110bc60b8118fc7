//! A provider that fails, loses its answers, or is not there.

use payments::ProviderConfig;

use crate::harness::{Shop, until};

fn failing(provider_failure_rate: f64) -> ProviderConfig {
    ProviderConfig { provider_latency_ms: 0, provider_failure_rate, ..ProviderConfig::default() }
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_asked_for_again_and_made_once() {
    let shop = Shop::open().await;
    let payments = shop.start_with(failing(1.0)).await;
    let order = shop.place(100).await;
    shop.until_count("select 1::bigint from provider.attempts where outcome = 'lost'", 1).await;
    payments.stop().await;
    assert_eq!(shop.changes(order).await, "authorizing");

    let _payments = shop.start().await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    assert!(shop.attempts(order).await.ends_with("charge captured"));
    shop.until_count("select count(*) from provider.ledger", 1).await;
}

#[tokio::test]
async fn a_lost_charge_that_is_called_off_is_refunded() {
    let shop = Shop::open().await;
    let payments = shop.start_with(failing(1.0)).await;
    let order = shop.place(100).await;
    shop.until_count("select count(*) from provider.ledger where status = 'captured'", 1).await;
    payments.stop().await;
    let _payments = shop.start_with(failing(0.3)).await;
    shop.cancel(order).await;
    // Whether it had been asked for again before is a matter of luck.
    let last = || shop.words(order).pop();
    until("a refund", async || last().filter(|word| word == "PaymentRefunded")).await;
    assert_eq!(shop.standing(order).await.as_deref(), Some("refunded"));
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_until_it_is_back() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let mut books = shop.books().await;
    books.run("alter table provider.ledger rename to ledger_away").await;
    let order = shop.place(100).await;
    shop.until_count("select count(*) from payments where attempts >= 3 and status = 'authorizing'", 1).await;
    books.run("alter table provider.ledger_away rename to ledger").await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    shop.until_count("select count(*) from provider.ledger", 1).await;
}
