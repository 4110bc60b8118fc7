//! Tokens that are good, and not good for this.

use std::collections::BTreeSet;

use identity::Subject;
use testkit::contract;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{Person, Service, refusal};

const SCOPES: [&str; 5] = ["admin", "orders:read", "orders:write", "users:read", "users:write"];

/// Every call, and the scope that it asks for.
const CALLS: [(&str, &str); 5] = [
    ("orders.v1.OrdersService/PlaceOrder", "orders:write"),
    ("orders.v1.OrdersService/GetOrder", "orders:read"),
    ("orders.v1.OrdersService/ListOrders", "orders:read"),
    ("orders.v1.OrdersService/CancelOrder", "orders:write"),
    ("orders.v1.OrdersService/WatchOrder", "orders:read"),
];

/// What a call with this token comes to, whose message says nothing.
async fn call(service: &Service, method: &str, authorization: Option<&str>) -> Option<Code> {
    let channel = testkit::channel(service.grpc, proto::FILE_DESCRIPTOR_SET);
    contract::call(&channel, method, authorization).await.err().map(|status| status.code())
}

#[tokio::test]
async fn without_its_scope_no_call_is_allowed_whatever_else_the_token_allows() {
    let service = Service::start().await;
    for (method, scope) in CALLS {
        let others = SCOPES.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        let bearer = |scopes| service.tokens.bearer_with(Subject::User(Uuid::now_v7()), scopes);
        assert_eq!(call(&service, method, Some(&bearer(&others))).await, Some(Code::PermissionDenied), "{method}");
        assert_eq!(call(&service, method, Some(&bearer(""))).await, Some(Code::PermissionDenied), "{method}");
        assert_eq!(call(&service, method, None).await, Some(Code::Unauthenticated), "{method}");
        // With it, it is judged by what it says.
        assert_eq!(call(&service, method, Some(&bearer(scope))).await, Some(Code::InvalidArgument), "{method}");
    }
}

#[tokio::test]
async fn these_are_all_the_calls() {
    let known: BTreeSet<_> = CALLS.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!(contract::methods(proto::FILE_DESCRIPTOR_SET, "orders.v1.OrdersService"), known);
}

#[tokio::test]
async fn the_catalogue_is_for_everyone() {
    let service = Service::start().await;
    for method in contract::methods(proto::FILE_DESCRIPTOR_SET, "orders.v1.CatalogService") {
        for authorization in [None, Some("Bearer nonsense")] {
            let code = call(&service, &method, authorization).await;
            assert!(matches!(code, None | Some(Code::InvalidArgument)), "{method}: {code:?}");
        }
    }
}

#[tokio::test]
async fn a_token_for_ordering_alone_can_order() {
    let service = Service::start().await;
    let buyer = buyer(&service, Subject::User(Uuid::now_v7()), "orders:write");
    let order = buyer.place(&[("TABLE-OAK", 1)]).await.unwrap();
    assert_eq!(refusal(buyer.get(&order.id).await).0, Code::PermissionDenied);
}

#[tokio::test]
async fn a_program_in_its_own_name_has_no_orders_and_places_none() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let program = buyer(&service, Subject::Client("tests".to_owned()), &SCOPES.join(" "));
    assert_eq!(refusal(program.get(&order.id).await).0, Code::NotFound);
    assert_eq!(refusal(program.list(&ada.id.to_string(), None, "").await).0, Code::NotFound);
    assert_eq!(refusal(program.cancel(&order.id).await).0, Code::NotFound);
    assert_eq!(refusal(program.place(&[("TABLE-OAK", 1)]).await).0, Code::PermissionDenied);
    assert_eq!(ada.get(&order.id).await.unwrap(), order);
    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

fn buyer(service: &Service, subject: Subject, scopes: &str) -> Person {
    Person { authorization: service.tokens.bearer_with(subject, scopes), ..service.person() }
}
