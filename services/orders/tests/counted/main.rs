//! What the shop counts of its orders: in a process of its own, since each process counts once for all of its tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../api/harness.rs"]
#[allow(dead_code, reason = "these are a few of many tests of the service")]
mod harness;

use std::sync::atomic::Ordering;

use harness::{Person, Service, refusal};
use opentelemetry::trace::{FutureExt, SpanKind};
use testkit::told::{self, Trace, metric};
use tonic::Code;

const KEY: &str = "2f4c1c86-0b4e-4b1e-9a52-0c9d5f5d8a11";

/// A service whose catalogue has been changed so, which says everything that it counts.
async fn told_of(change: &'static str) -> Service {
    told::listen();
    let service = Service::start().await;
    service.sql(change).await;
    service
}

fn count(name: &str, currency: &str) -> Option<f64> {
    metric(&format!("orders_{name}_total"), &[("currency", currency)])
}

#[tokio::test]
async fn an_order_is_counted_once_however_often_it_is_asked_for() {
    // A currency that no other test has.
    let service = told_of("update products set currency = 'XAA'").await;
    let ada = service.person();
    let first = ada.place_with_key(&[("TABLE-OAK", 1), ("CHAIR-OAK", 6)], KEY).await.unwrap();
    let (placed, revenue) = (Some(1.0), Some(f64::from(40250 + 6 * 9250)));
    assert_eq!((count("placed", "XAA"), count("revenue", "XAA")), (placed, revenue));
    assert_eq!(ada.place_with_key(&[("TABLE-OAK", 1), ("CHAIR-OAK", 6)], KEY).await.unwrap(), first);
    assert_eq!((count("placed", "XAA"), count("revenue", "XAA")), (placed, revenue));

    service.person().place(&[("TABLE-OAK", 1)]).await.unwrap();
    let (placed, revenue) = (Some(2.0), Some(f64::from(2 * 40250 + 6 * 9250)));
    assert_eq!((count("placed", "XAA"), count("revenue", "XAA")), (placed, revenue));
    assert_eq!(count("cancelled", "XAA"), None);
}

#[tokio::test]
async fn an_order_is_cancelled_once_however_many_try() {
    let service = told_of("update products set currency = 'XBB'").await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    ada.cancel(&order.id).await.unwrap();
    assert_eq!((count("placed", "XBB"), count("cancelled", "XBB")), (Some(2.0), Some(1.0)));
    assert_eq!(refusal(ada.cancel(&order.id).await).1.as_deref(), Some("WRONG_STATE"));
    assert_eq!(count("cancelled", "XBB"), Some(1.0));
}

/// The one test here of which orders are rejected.
#[tokio::test]
async fn what_is_rejected_is_counted_by_its_reason() {
    let service = told_of("update products set currency = 'XCC' where sku <> 'BOX-OAK'").await;
    let (ada, rejected) = (service.person(), |labels: &[_]| metric("orders_rejected_total", labels));
    let refused = async |items: &[(&str, i64)]| ada.place_with_key(items, KEY).await.unwrap_err().code();

    assert_eq!(refused(&[("TABLE-OAK", 21)]).await, Code::FailedPrecondition);
    assert_eq!(rejected(&[("reason", "OUT_OF_STOCK")]), Some(1.0));
    assert_eq!(refused(&[("TABLE-GOLD", 1)]).await, Code::InvalidArgument);
    assert_eq!(refused(&[("TABLE-OAK", 1), ("BOX-OAK", 1)]).await, Code::InvalidArgument);
    ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    assert_eq!(refused(&[("TABLE-OAK", 2)]).await, Code::FailedPrecondition);
    service.sql("update products set price_amount = 9007199254740991").await;
    assert_eq!(refusal(service.person().place(&[("TABLE-OAK", 2)]).await).0, Code::InvalidArgument);
    // Of somebody whom users has not just confirmed.
    service.users_answer.store(Code::Unauthenticated.into(), Ordering::SeqCst);
    assert_eq!(refusal(service.person().place(&[("TABLE-OAK", 1)]).await).0, Code::Unauthenticated);
    // A failure of ours is told elsewhere.
    service.users_answer.store(Code::Unavailable.into(), Ordering::SeqCst);
    assert_eq!(refusal(service.person().place(&[("TABLE-OAK", 1)]).await).0, Code::Unavailable);

    let reasons = [
        "OUT_OF_STOCK",
        "UNKNOWN_PRODUCT",
        "SEVERAL_CURRENCIES",
        "IDEMPOTENCY_KEY_REUSED",
        "TOTAL_TOO_LARGE",
        "NO_ACCOUNT",
    ];
    for reason in reasons {
        assert_eq!(rejected(&[("reason", reason)]), Some(1.0), "{reason}");
    }
    assert_eq!(rejected(&[]), Some(6.0), "and nothing else");
}

/// How long it takes is told by what became of it. The one test here of orders that are paid, or not.
#[tokio::test]
async fn how_long_an_order_was_pending_is_told_by_what_became_of_it() {
    told::listen();
    let service = Service::start().await;
    let ada = service.person();
    let [paid, declined, expired] = [
        ada.place(&[("TABLE-OAK", 1)]).await.unwrap(),
        ada.place(&[("TABLE-OAK", 1)]).await.unwrap(),
        ada.place(&[("TABLE-OAK", 1)]).await.unwrap(),
    ];
    service.paid(&paid).await;
    service.paid(&paid).await;
    service.declined(&declined).await;
    // What is confirmed was settled before.
    ada.cancel(&paid.id).await.unwrap();
    service.sql("update orders set created_at = created_at - interval '901 seconds' where status = 'pending'").await;
    // It looks as soon as it starts.
    let _other = service.replica(|_| {}).await;
    let settled = |outcome| metric("orders_settlement_duration_seconds_count", &[("outcome", outcome)]);
    while settled("expired").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.told_of(&expired).await, ["Placed", "Cancelled"]);
    assert_eq!((settled("confirmed"), settled("rejected"), settled("expired")), (Some(1.0), Some(1.0), Some(1.0)));
    assert!(metric("orders_settlement_duration_seconds_bucket", &[("le", "10")]).is_some());
    assert!(metric("orders_pending_oldest_seconds", &[]).is_some());
}

/// The round trips to the database that this takes.
async fn statements<T>(trace: &Trace, call: &str, answer: impl Future<Output = T>) -> Vec<String> {
    answer.with_context(trace.context()).await;
    trace.span(SpanKind::Server, call).await;
    let spans = trace.spans().into_iter().filter(|span| span.attribute("db.system.name").is_some());
    spans.map(|span| span.name).collect()
}

#[tokio::test]
async fn telling_the_world_takes_no_round_trip_of_its_own() {
    let traces = [(); 4].map(|()| Trace::begin());
    let service = Service::start().await;
    let ada: Person = service.person();
    let [placing_first, placing, getting, cancelling] = &traces;
    let first = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let place = ada.place(&[("TABLE-OAK", 1), ("BOX-OAK", 1)]);
    let placed = statements(placing_first, "orders.v1.OrdersService/PlaceOrder", place).await;
    assert_eq!(placed.len(), 2, "read what was not seen yet, write: {placed:?}");
    let place = ada.place_with_key(&[("TABLE-OAK", 1), ("BOX-OAK", 1)], KEY);
    let placed = statements(placing, "orders.v1.OrdersService/PlaceOrder", place).await;
    assert_eq!(placed.len(), 1, "write: {placed:?}");
    let got = statements(getting, "orders.v1.OrdersService/GetOrder", ada.get(&first.id)).await;
    assert_eq!(got.len(), 1, "{got:?}");
    let cancelled = statements(cancelling, "orders.v1.OrdersService/CancelOrder", ada.cancel(&first.id)).await;
    assert_eq!(cancelled.len(), 5, "begin, lock, write, give back, commit: {cancelled:?}");
}
