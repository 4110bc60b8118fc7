//! Orders that nobody pays.

use futures::future::try_join_all;
use proto::orders::v1::OrderStatus;
use tokio::task::yield_now;

use crate::harness::{Service, in_turn};

/// As short as it can be.
fn soon(config: &mut orders::Config) {
    config.pending_timeout_s = 1;
}

async fn until_none_is_pending(service: &Service) {
    while service.count("select count(*) from orders where status = 'pending'").await > 0 {
        yield_now().await;
    }
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_given_up() {
    let service = Service::start_changed(soon).await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 3)]).await.unwrap();
    until_none_is_pending(&service).await;
    let expired = ada.get(&order.id).await.unwrap();
    assert_eq!(expired.status(), OrderStatus::Cancelled);
    let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds).unwrap();
    assert!(seconds(expired.updated_at) > seconds(order.created_at), "{expired:?}");
    assert_eq!(service.stock("TABLE-OAK").await, 20);
    assert_eq!(service.told_of(&order).await, ["Placed", "Cancelled"]);
    assert_eq!(service.recorded_of(&order).await[1], "2 cancelled expired orders");

    // A payment that comes in after all: payments gives it back.
    service.paid(&order).await;
    assert_eq!(ada.get(&order.id).await.unwrap(), expired);
}

#[tokio::test]
async fn a_paid_order_never_expires_and_a_young_one_not_yet() {
    let service = Service::start().await;
    let ada = service.person();
    let (paid, old) = (ada.place(&[("TABLE-OAK", 1)]).await.unwrap(), ada.place(&[("TABLE-OAK", 1)]).await.unwrap());
    service.paid(&paid).await;
    service.sql("update orders set created_at = created_at - interval '901 seconds'").await;
    let young = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    // It looks as soon as it starts.
    let _other = service.replica(|_| {}).await;
    while ada.get(&old.id).await.unwrap().status() == OrderStatus::Pending {
        yield_now().await;
    }
    assert_eq!(ada.get(&paid.id).await.unwrap().status(), OrderStatus::Confirmed);
    assert_eq!(ada.get(&young.id).await.unwrap().status(), OrderStatus::Pending);
}

#[tokio::test]
async fn of_several_replicas_one_gives_an_order_up() {
    let service = Service::start_changed(soon).await;
    let _others = (service.replica(soon).await, service.replica(soon).await);
    let ada = service.person();
    try_join_all((0..20).map(|_| in_turn(|| ada.place(&[("TABLE-OAK", 1), ("BOX-OAK", 2)])))).await.unwrap();
    until_none_is_pending(&service).await;
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
    assert_eq!(service.count("select count(*) from orders where version = 2 and status = 'cancelled'").await, 20);
    assert_eq!(service.count("select count(*) from order_events where reason = 'expired'").await, 20);
    let told = "select count(*) from events.outbox where kind = 'orders.v1.OrderCancelled'";
    assert_eq!(service.count(told).await, 20);
}

#[tokio::test]
async fn an_order_that_somebody_has_in_hand_holds_up_no_other() {
    let service = Service::start().await;
    let ada = service.person();
    let held = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    ada.place(&[("BOX-OAK", 1)]).await.unwrap();
    service.sql("update orders set created_at = created_at - interval '1 hour'").await;
    let mut holder = service.connection().await;
    let lock = "begin; select 1 from orders order by created_at limit 1 for update";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    let _other = service.replica(|_| {}).await;
    while service.count("select count(*) from orders where status = 'cancelled'").await < 1 {
        yield_now().await;
    }
    assert_eq!(ada.get(&held.id).await.unwrap().status(), OrderStatus::Pending);
}
