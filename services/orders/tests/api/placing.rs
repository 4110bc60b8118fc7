//! Placing and reading orders.

use std::sync::atomic::Ordering;

use proto::orders::v1 as pb;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::harness::{Service, peer, refusal};

#[tokio::test]
async fn an_order_has_the_prices_of_its_moment() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1), ("CHAIR-OAK", 6)]).await.unwrap();
    service.sql("update products set price_amount = 1, name = 'Bargain'").await;
    assert_eq!(ada.get(&order.id).await.unwrap(), order);

    assert_eq!(order.user_id, ada.id.to_string());
    assert_eq!(order.status().as_str_name(), "ORDER_STATUS_PENDING");
    let total = order.total.unwrap();
    assert_eq!((total.amount, total.currency.as_str()), (40250 + 6 * 9250, "EUR"));
    let names: Vec<_> = order.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Oak Chair", "Oak Table"]);
    assert_eq!(order.lines[0].total.as_ref().unwrap().amount, 6 * 9250);
}

#[tokio::test]
async fn an_order_takes_its_stock() {
    let service = Service::start().await;
    service.person().place(&[("TABLE-OAK", 3)]).await.unwrap();
    assert_eq!(service.stock("TABLE-OAK").await, 17);
    assert_eq!(service.stock("TABLE-ASH").await, 20);
}

#[tokio::test]
async fn what_became_of_a_product_since_it_was_seen_last_is_what_counts() {
    let service = Service::start().await;
    let ada = service.person();
    let place = async |change| {
        service.sql(change).await;
        ada.place(&[("TABLE-OAK", 1)]).await
    };
    let cost = |order: Result<pb::Order, Status>| order.unwrap().total.unwrap().amount;
    assert_eq!(cost(place("select").await), 40250);
    assert_eq!(cost(place("update products set price_amount = 1, name = 'Bargain'").await), 1);
    let why = |order: Result<pb::Order, Status>| refusal(order).1.unwrap();
    assert_eq!(why(place("update products set stock = 0").await), "OUT_OF_STOCK");
    assert_eq!(why(place("select").await), "OUT_OF_STOCK");
    assert_eq!(cost(place("update products set stock = 7").await), 1);
    assert_eq!(service.stock("TABLE-OAK").await, 6);
    assert_eq!(service.count("select count(*) from orders").await, 3);
}

#[tokio::test]
async fn somebody_elses_order_looks_like_none() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let others = eve.get(&order.id).await.unwrap_err();
    let nobodys = eve.get(&Uuid::now_v7().to_string()).await.unwrap_err();
    assert_eq!((others.code(), others.message()), (nobodys.code(), nobodys.message()));
    assert_eq!(others.code(), Code::NotFound);
    assert_eq!(refusal(eve.cancel(&order.id).await).0, Code::NotFound);
    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

#[tokio::test]
async fn whoever_has_no_account_any_more_orders_nothing() {
    let service = Service::start().await;
    service.users_answer.store(Code::Unauthenticated.into(), Ordering::SeqCst);
    let status = service.person().place(&[("TABLE-OAK", 1)]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(service.stock("TABLE-OAK").await, 20);
}

#[tokio::test]
async fn without_a_token_nothing_is_ordered() {
    let service = Service::start().await;
    for authorization in ["Bearer nonsense", "Basic YWRhOmFkYQ=="] {
        let stranger = crate::harness::Person { authorization: authorization.to_owned(), ..service.person() };
        assert_eq!(refusal(stranger.place(&[("TABLE-OAK", 1)]).await).0, Code::Unauthenticated);
    }
}

#[tokio::test]
async fn a_failing_users_service_tells_nothing_of_itself() {
    let service = Service::start().await;
    let expected = [
        (Code::Unavailable, Code::Unavailable),
        (Code::DeadlineExceeded, Code::DeadlineExceeded),
        (Code::Internal, Code::Internal),
        (Code::Unknown, Code::Internal),
        (Code::PermissionDenied, Code::Internal),
    ];
    for (users_says, we_say) in expected {
        service.users_answer.store(users_says.into(), Ordering::SeqCst);
        let status = service.person().place(&[("TABLE-OAK", 1)]).await.unwrap_err();
        assert_eq!(status.code(), we_say, "{users_says:?}");
        assert!(!status.message().contains("secret"), "{status}");
    }
    assert_eq!(service.stock("TABLE-OAK").await, 20);
}

#[tokio::test]
async fn without_users_nothing_is_ordered_but_the_catalogue_is_open() {
    let (listener, address) = testkit::listener().await;
    drop(listener);
    let service = Service::start_changed(|config| config.users_url = peer(address)).await;
    assert_eq!(refusal(service.person().place(&[("TABLE-OAK", 1)]).await).0, Code::Unavailable);
    assert_eq!(service.stock("TABLE-OAK").await, 20);
}
