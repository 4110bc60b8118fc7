//! Orders that are placed: charged once, or declined.

use events::PublishError;
use payments::ProviderConfig;
use proto::{money::v1::Money, orders::v1 as orders, payments::v1 as pb};
use uuid::Uuid;

use crate::harness::{Shop, placed, said, told_of};

#[tokio::test]
async fn an_order_is_charged_and_the_shop_is_told() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = shop.place(4250).await;
    shop.until_told(order, &["PaymentCaptured"]).await;

    let told = shop.told(order).remove(0);
    let captured: pb::PaymentCaptured = said(&told);
    assert_eq!((told.source.as_str(), told.kind.as_str()), ("/payments", "payments.v1.PaymentCaptured"));
    assert_eq!(captured.order_id, order.to_string());
    assert_eq!(captured.amount, Some(Money { amount: 4250, currency: "EUR".to_owned() }));

    let mut books = shop.books().await;
    let query =
        "select key || ' ' || reference || ' ' || amount || ' ' || currency || ' ' || status from provider.ledger";
    let line = books.text(query).await.unwrap();
    assert_eq!(line, format!("{} {order} 4250 EUR captured", captured.payment_id));
    assert_eq!(shop.attempts(order).await, "charge captured");
    assert_eq!(shop.changes(order).await, "authorizing, captured");
}

#[tokio::test]
async fn more_than_is_charged_at_once_is_declined() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let (most, more) = (shop.place(1_000_000).await, shop.place(1_000_001).await);
    shop.until_told(most, &["PaymentCaptured"]).await;
    shop.until_told(more, &["PaymentDeclined"]).await;
    let declined: pb::PaymentDeclined = said(&shop.told(more)[0]);
    assert_eq!(declined.order_id, more.to_string());
    assert_eq!(shop.standing(more).await.as_deref(), Some("declined"));
    assert_eq!(shop.changes(more).await, "authorizing, declined");
}

#[tokio::test]
async fn the_provider_declines_as_often_as_it_is_told() {
    let shop = Shop::open().await;
    let always = ProviderConfig { provider_latency_ms: 0, provider_decline_rate: 1.0, ..ProviderConfig::default() };
    let _payments = shop.start_with(always).await;
    for _ in 0..5 {
        let order = shop.place(100).await;
        shop.until_told(order, &["PaymentDeclined"]).await;
    }
}

#[tokio::test]
async fn an_order_that_is_told_again_is_charged_once() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = Uuid::now_v7();
    let event = placed(order, 100);
    shop.tell(&event).await;
    shop.tell(&event).await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    shop.tell(&event).await;
    // By an event of its own, as by somebody who has forgotten the first.
    shop.tell(&placed(order, 100)).await;

    // One that comes later has been paid: whatever there was to do before is done.
    let later = shop.place(100).await;
    shop.until_told(later, &["PaymentCaptured"]).await;
    assert_eq!(shop.attempts(order).await, "charge captured");
    assert_eq!(shop.words(order), ["PaymentCaptured"]);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_and_holds_nobody_up() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    shop.place(100).await;
    let money = |amount, currency: &str| Some(Money { amount, currency: currency.to_owned() });
    for total in [None, money(-1, "EUR"), money(1, "euro"), money(1, "")] {
        let order = Uuid::now_v7();
        let event = orders::OrderPlaced { order_id: order.to_string(), total, ..orders::OrderPlaced::default() };
        let answer = shop.bus.publish(vec![told_of(order, &event)]).await.remove(0);
        assert!(matches!(answer, Err(PublishError::Refused(_))), "{event:?}: {answer:?}");
    }
    let order = shop.place(100).await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    shop.until_count("select count(*) from payments", 2).await;
}
