//! What follows for an order from what payments tells of it, whenever and however often.

use futures::future::{join, join_all};
use proto::orders::v1::{self as pb, OrderStatus};
use tonic::Code;

use crate::harness::{Person, Service, captured, in_turn, refusal};

async fn status(person: &Person, order: &pb::Order) -> OrderStatus {
    person.get(&order.id).await.unwrap().status()
}

#[tokio::test]
async fn a_paid_order_is_confirmed_and_the_world_is_told() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 2)]).await.unwrap();
    assert_eq!(service.told_of(&order).await, ["Placed"]);
    service.paid(&order).await;
    let confirmed = ada.get(&order.id).await.unwrap();
    assert_eq!(confirmed.status(), OrderStatus::Confirmed);
    assert_eq!((&confirmed.lines, confirmed.created_at), (&order.lines, order.created_at));
    assert_eq!(service.told_of(&order).await, ["Placed", "Confirmed"]);
    let placed = format!("1 pending placed {}", ada.id);
    assert_eq!(service.recorded_of(&order).await, [placed.as_str(), "2 confirmed paid payments"]);
    assert_eq!(service.stock("TABLE-OAK").await, 18);
}

#[tokio::test]
async fn an_order_that_will_not_be_paid_is_rejected_and_gives_its_stock_back() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 2), ("BOX-OAK", 5)]).await.unwrap();
    service.declined(&order).await;
    assert_eq!(status(&ada, &order).await, OrderStatus::Rejected);
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
    assert_eq!(service.told_of(&order).await, ["Placed", "Rejected"]);
    assert_eq!(service.recorded_of(&order).await[1], "2 rejected declined payments");
}

#[tokio::test]
async fn what_is_told_says_whose_order_it_is_and_what_it_costs() {
    let service = Service::start().await;
    let mut listener = service.bus.listen("orders.v1");
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 2)]).await.unwrap();
    let event = listener.next().await.unwrap();
    assert_eq!((event.kind.as_str(), event.source.as_str()), ("orders.v1.OrderPlaced", "/orders"));
    assert_eq!(event.subject.to_string(), order.id);
    let told: pb::OrderPlaced = prost::Message::decode(event.data).unwrap();
    let expected =
        pb::OrderPlaced { order_id: order.id.clone(), user_id: order.user_id, total: order.total, version: 1 };
    assert_eq!(told, expected);
    ada.cancel(&order.id).await.unwrap();
    let event = listener.next().await.unwrap();
    let told: pb::OrderCancelled = prost::Message::decode(event.data).unwrap();
    assert_eq!(told, pb::OrderCancelled { order_id: order.id, version: 2 });
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 2)]).await.unwrap();
    let event = events::Envelope::of("payments", order.id.parse().unwrap(), &captured(&order));
    service.hear_again(event.clone()).await;
    let confirmed = ada.get(&order.id).await.unwrap();
    service.hear_again(event).await;
    // The same once more, as an event of its own.
    service.paid(&order).await;
    assert_eq!(ada.get(&order.id).await.unwrap(), confirmed);
    assert_eq!(service.told_of(&order).await, ["Placed", "Confirmed"]);
}

#[tokio::test]
async fn what_comes_too_late_changes_nothing() {
    let service = Service::start().await;
    let ada = service.person();
    let orders = join_all((0..4).map(|_| ada.place(&[("TABLE-OAK", 1)]))).await;
    let [paid, declined, cancelled, refunded] = orders.try_into().unwrap();
    let (paid, declined, cancelled, refunded) =
        (paid.unwrap(), declined.unwrap(), cancelled.unwrap(), refunded.unwrap());

    service.paid(&paid).await;
    service.declined(&paid).await;
    assert_eq!(service.told_of(&paid).await, ["Placed", "Confirmed"]);

    service.declined(&declined).await;
    service.paid(&declined).await;
    assert_eq!(service.told_of(&declined).await, ["Placed", "Rejected"]);
    assert_eq!(refusal(ada.cancel(&declined.id).await), (Code::FailedPrecondition, Some("WRONG_STATE".to_owned())));

    ada.cancel(&cancelled.id).await.unwrap();
    service.paid(&cancelled).await;
    service.declined(&cancelled).await;
    assert_eq!(service.told_of(&cancelled).await, ["Placed", "Cancelled"]);

    service.paid(&refunded).await;
    ada.cancel(&refunded.id).await.unwrap();
    service.paid(&refunded).await;
    assert_eq!(service.told_of(&refunded).await, ["Placed", "Confirmed", "Cancelled"]);
    let called_off = format!("3 cancelled called_off {}", ada.id);
    assert_eq!(service.recorded_of(&refunded).await[2], called_off);

    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

#[tokio::test]
async fn who_calls_off_while_the_payment_comes_in_has_called_off() {
    let service = Service::start().await;
    let ada = service.person();
    let races = (0..5).map(|_| async {
        let order = ada.place(&[("TABLE-OAK", 1), ("BOX-OAK", 2)]).await.unwrap();
        let (cancelled, ()) = join(in_turn(|| ada.cancel(&order.id)), service.paid(&order)).await;
        cancelled.unwrap();
        assert_eq!(status(&ada, &order).await, OrderStatus::Cancelled);
        let told = service.told_of(&order).await;
        assert!(told == ["Placed", "Cancelled"] || told == ["Placed", "Confirmed", "Cancelled"], "{told:?}");
    });
    join_all(races).await;
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
}

#[tokio::test]
async fn stock_is_given_back_once_whoever_is_first() {
    let service = Service::start().await;
    let ada = service.person();
    let races = (0..5).map(|_| async {
        let order = ada.place(&[("TABLE-OAK", 1), ("BOX-OAK", 2)]).await.unwrap();
        let (cancelled, ()) = join(in_turn(|| ada.cancel(&order.id)), service.declined(&order)).await;
        let expected = if cancelled.is_ok() { OrderStatus::Cancelled } else { OrderStatus::Rejected };
        assert_eq!(status(&ada, &order).await, expected);
        assert_eq!(service.told_of(&order).await.len(), 2);
    });
    join_all(races).await;
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
}

#[tokio::test]
async fn an_order_that_is_not_placed_is_told_to_nobody() {
    let service = Service::start().await;
    let ada = service.person();
    assert!(ada.place(&[("TABLE-OAK", 21)]).await.is_err());
    ada.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    ada.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    assert_eq!(service.count("select count(*) from events.outbox").await, 1);
    assert_eq!(service.count("select count(*) from order_events").await, 1);
}
