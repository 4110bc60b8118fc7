//! People who are gone.

use proto::users::v1::UserDeleted;
use tokio::task::yield_now;
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

#[tokio::test]
async fn an_order_that_comes_in_while_its_person_is_forgotten_is_forgotten_too() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    delete(&service, &ada).await;
    // What is believed of accounts is sometimes a little old.
    let late = ada.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    let eves = eve.place_with_key(&[("TABLE-OAK", 1)], "key").await.unwrap();
    // It looks as soon as it starts.
    let _other = service.replica(|_| {}).await;
    while ada.get(&late.id).await.is_ok() {
        yield_now().await;
    }
    assert_eq!(service.count("select count(*) from orders where forgotten_at is not null").await, 1);
    assert_eq!(service.count("select count(*) from idempotency_keys").await, 1);
    assert_eq!(eve.get(&eves.id).await.unwrap(), eves);
}

#[tokio::test]
async fn who_is_gone_is_not_remembered_for_long() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    delete(&service, &ada).await;
    service.sql("update gone set at = at - interval '601 seconds'").await;
    delete(&service, &eve).await;
    let _other = service.replica(|_| {}).await;
    while service.count("select count(*) from gone").await > 1 {
        yield_now().await;
    }
    assert_eq!(service.count("select count(*) from gone where at > now() - interval '600 seconds'").await, 1);
}
