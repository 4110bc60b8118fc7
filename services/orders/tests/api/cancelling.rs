//! Calling an order off.

use futures::future::join_all;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{Service, refusal};

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 3), ("BOX-OAK", 5)]).await.unwrap();
    let cancelled = ada.cancel(&order.id).await.unwrap();
    assert_eq!(cancelled.status().as_str_name(), "ORDER_STATUS_CANCELLED");
    assert_eq!(cancelled.lines, order.lines);
    assert_ne!(cancelled.updated_at, order.updated_at);
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
    assert_eq!(ada.get(&order.id).await.unwrap(), cancelled);
}

#[tokio::test]
async fn an_order_is_cancelled_once_however_many_try() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 3)]).await.unwrap();
    let answers = join_all((0..8).map(|_| ada.cancel(&order.id))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for answer in refused {
        assert_eq!(refusal(answer), (Code::FailedPrecondition, Some("WRONG_STATE".to_owned())));
    }
    assert_eq!(service.stock("TABLE-OAK").await, 20);
}

#[tokio::test]
async fn a_confirmed_order_can_be_cancelled_and_a_rejected_one_cannot() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    service.sql("update orders set status = 'rejected'").await;
    assert_eq!(refusal(ada.cancel(&order.id).await).1.as_deref(), Some("WRONG_STATE"));
    service.sql("update orders set status = 'confirmed'").await;
    assert!(ada.cancel(&order.id).await.is_ok());
}

#[tokio::test]
async fn an_order_that_is_not_there_cannot_be_cancelled() {
    let service = Service::start().await;
    assert_eq!(refusal(service.person().cancel(&Uuid::now_v7().to_string()).await).0, Code::NotFound);
}
