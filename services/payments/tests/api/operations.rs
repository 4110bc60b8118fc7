//! What operators see: metrics, and one trace from the order to what was paid.

use opentelemetry::trace::{FutureExt, SpanKind};
use payments::ProviderConfig;
use testkit::told::{self, Trace, metric};
use uuid::Uuid;

use crate::harness::{Shop, cancelled, placed, until};

#[tokio::test]
async fn the_charge_and_what_is_told_of_it_are_parts_of_the_trace_of_the_order() {
    let trace = Trace::begin();
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let order = Uuid::now_v7();
    let event = async { placed(order, 100) }.with_context(trace.context()).await;
    shop.tell(&event).await;
    shop.until_told(order, &["PaymentCaptured"]).await;

    let charge = trace.span(SpanKind::Client, "charge").await;
    assert_eq!((charge.attribute("outcome"), charge.has_failed()), (Some("captured"), false));
    assert!(charge.attribute("payment.id").is_some());
    let told = shop.told(order).remove(0);
    assert!(told.trace["traceparent"].to_str().unwrap().contains(&trace.id()), "{:?}", told.trace);

    let cancelling = Trace::begin();
    let event = async { cancelled(order) }.with_context(cancelling.context()).await;
    shop.tell(&event).await;
    let refund = cancelling.span(SpanKind::Client, "refund").await;
    assert_eq!(refund.attribute("outcome"), Some("refunded"));
}

#[tokio::test]
async fn what_is_paid_and_how_long_it_takes_is_counted() {
    told::listen();
    let shop = Shop::open().await;
    let _payments = shop.start().await;
    let before = metric("payments_refunded_total", &[]).unwrap();
    let (order, dear) = (shop.place(100).await, shop.place(1_000_001).await);
    shop.until_told(dear, &["PaymentDeclined"]).await;
    shop.until_told(order, &["PaymentCaptured"]).await;
    shop.cancel(order).await;
    shop.until_told(order, &["PaymentCaptured", "PaymentRefunded"]).await;

    // It is counted when it is written down, which may be after somebody has heard of it.
    until("a refund counted", async || metric("payments_refunded_total", &[]).filter(|now| *now > before)).await;
    for (name, outcome) in [("charge", "captured"), ("charge", "declined"), ("refund", "refunded")] {
        let count = metric(&format!("payments_{name}_duration_seconds_count"), &[("outcome", outcome)]);
        assert!(count.is_some_and(|count| count > 0.0), "{name} {outcome}");
    }
    for counted in ["payments_captured_total", "payments_declined_total"] {
        assert!(metric(counted, &[]).is_some_and(|count| count > 0.0), "{counted}");
    }
}

#[tokio::test]
async fn a_provider_that_fails_shows() {
    told::listen();
    let shop = Shop::open().await;
    let failing = ProviderConfig { provider_latency_ms: 0, provider_failure_rate: 1.0, ..ProviderConfig::default() };
    let payments = shop.start_with(failing.clone()).await;
    shop.place(100).await;
    for outcome in ["failed", "lost"] {
        let labels = [("outcome", outcome), ("error_type", outcome)];
        until(outcome, async || metric("payments_charge_duration_seconds_count", &labels)).await;
    }
    payments.stop().await;
    // It looks when it starts. Other tests have nothing that waits, and say so too.
    let _payments = shop.start_with(failing).await;
    let oldest = || metric("payments_authorizing_oldest_seconds", &[]);
    until("something that waits", async || oldest().filter(|age| *age > 0.0)).await;
}
