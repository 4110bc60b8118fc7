//! People who are gone.

use proto::users::v1::UserDeleted;
use tonic::Code;

use crate::harness::{Person, Service, refusal};

async fn delete(service: &Service, person: &Person) {
    let user_id = person.id.to_string();
    service.hear("users", &user_id, &UserDeleted { user_id: user_id.clone() }).await;
}

#[tokio::test]
async fn the_orders_of_somebody_who_is_gone_are_shown_to_nobody() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let eves = eve.place(&[("TABLE-OAK", 1)]).await.unwrap();
    delete(&service, &ada).await;
    // A token outlives the account by some minutes.
    assert_eq!(refusal(ada.get(&order.id).await).0, Code::NotFound);
    assert_eq!(refusal(ada.cancel(&order.id).await).0, Code::NotFound);
    assert_eq!(refusal(ada.watch(&order.id, 0).await).0, Code::NotFound);
    assert!(ada.list(&ada.id.to_string(), None, "").await.unwrap().orders.is_empty());
    assert_eq!(eve.get(&eves.id).await.unwrap(), eves);
}

#[tokio::test]
async fn what_was_ordered_stays_for_the_books_and_the_keys_do_not() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    let order = ada.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    let eves = eve.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    delete(&service, &ada).await;
    assert_eq!(service.count("select count(*) from orders join order_lines on order_id = id").await, 2);
    assert_eq!(service.count("select count(*) from orders where forgotten_at is not null").await, 1);
    assert_eq!(service.count("select count(*) from idempotency_keys").await, 1);
    assert_eq!(eve.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap(), eves);
    // It is still to be paid, and the books say so.
    service.paid(&order).await;
    assert_eq!(service.told_of(&order).await, ["Placed", "Confirmed"]);
}

#[tokio::test]
async fn a_watcher_of_an_order_that_is_forgotten_is_told_no_more() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let mut versions = ada.watch(&order.id, 1).await.unwrap();
    delete(&service, &ada).await;
    assert_eq!(versions.message().await.unwrap_err().code(), Code::NotFound);
}
