//! Orders that are cancelled: before they are heard of, before, during and after the charge.

use proto::payments::v1 as pb;
use uuid::Uuid;

use crate::harness::{Shop, cancelled, placed, said};

#[tokio::test]
async fn an_order_that_is_cancelled_before_it_is_heard_of_is_never_charged() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = Uuid::now_v7();
    shop.tell(&cancelled(order)).await;
    shop.tell(&placed(order, 100)).await;

    let later = shop.place(100).await;
    shop.until_told(later, &["PaymentCaptured"]).await;
    assert_eq!((shop.standing(order).await, shop.words(order)), (None, vec![]));
    assert_eq!(shop.changes(order).await, "called_off");
}

#[tokio::test]
async fn an_order_that_is_cancelled_before_the_provider_is_asked_is_never_charged() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let provider = shop.hold_provider().await;
    // As many as are asked for at once.
    for _ in 0..8 {
        shop.place(100).await;
    }
    shop.until_count("select count(*) from payments where attempts = 1", 8).await;
    let order = shop.place(100).await;
    shop.cancel(order).await;
    shop.until_status(order, "called_off").await;

    provider.release().await;
    shop.until_count("select count(*) from payments where status = 'captured'", 8).await;
    assert_eq!((shop.standing(order).await, shop.words(order)), (None, vec![]));
    assert_eq!(shop.changes(order).await, "authorizing, called_off");
}

#[tokio::test]
async fn an_order_that_is_cancelled_during_the_charge_is_not_charged_in_the_end() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let provider = shop.hold_provider().await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(shop.place(100).await);
    }
    shop.until_count("select count(*) from payments where attempts = 1", 4).await;
    for order in &orders {
        shop.cancel(*order).await;
        shop.until_status(*order, "cancelling").await;
    }
    provider.release().await;

    shop.until_count("select count(*) from payments where due_at is null", 4).await;
    for order in orders {
        let (status, standing) = (shop.changes(order).await, shop.standing(order).await.unwrap());
        match standing.as_str() {
            "refunded" => {
                assert!(status.ends_with("refunded"), "{status}");
                shop.until_told(order, &["PaymentRefunded"]).await;
            }
            "blocked" => assert!(status.ends_with("called_off") && shop.words(order).is_empty(), "{status}"),
            other => panic!("{other}: {status}"),
        }
    }
}

#[tokio::test]
async fn an_order_that_is_cancelled_after_the_charge_is_refunded_once() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = shop.place(100).await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    let event = cancelled(order);
    shop.tell(&event).await;
    shop.tell(&event).await;
    shop.until_told(order, &["PaymentCaptured", "PaymentRefunded"]).await;
    // By an event of its own, as by somebody who has forgotten the first.
    shop.cancel(order).await;
    shop.tell(&placed(order, 100)).await;

    let later = shop.place(100).await;
    shop.until_told(later, &["PaymentCaptured"]).await;
    let refunded: pb::PaymentRefunded = said(&shop.told(order)[1]);
    assert_eq!(refunded.amount.unwrap().amount, 100);
    assert_eq!(shop.attempts(order).await, "charge captured, cancel refunded");
    assert_eq!(shop.changes(order).await, "authorizing, captured, refunding, refunded");
}

#[tokio::test]
async fn what_was_declined_has_nothing_to_give_back() {
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = shop.place(1_000_001).await;
    shop.until_told(order, &["PaymentDeclined"]).await;
    shop.cancel(order).await;
    let later = shop.place(100).await;
    shop.until_told(later, &["PaymentCaptured"]).await;
    assert_eq!(shop.changes(order).await, "authorizing, declined");
    assert_eq!(shop.words(order), ["PaymentDeclined"]);
}

#[tokio::test]
async fn a_refund_does_not_wait_for_the_lease_of_the_charge() {
    let shop = Shop::open().await;
    let payments = shop.start().await;
    let provider = shop.hold_provider().await;
    let order = shop.place(100).await;
    shop.until_count("select count(*) from payments where attempts = 1", 1).await;
    payments.kill().await;
    provider.release().await;

    let _another = shop.start().await;
    shop.cancel(order).await;
    shop.until_count("select count(*) from payments where due_at is null", 1).await;
    let within_the_lease = "select count(*) from payments where updated_at < created_at + interval '9 s'";
    assert_eq!(shop.books().await.count(within_the_lease).await, Some(1));
    assert_ne!(shop.standing(order).await.as_deref(), Some("captured"));
}
