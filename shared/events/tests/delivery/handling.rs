//! Crashes and absences while an event is handled.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use opentelemetry::{context::FutureExt, trace::SpanKind};
use testkit::told::Trace;
use tokio::sync::Notify;

use crate::stage::{Handler, Hearer, Stage, until};

#[tokio::test]
async fn each_event_is_for_one_instance_of_a_group() {
    let Some(stage) = Stage::set().await else { return };
    let (one, two) = (Handler::default(), Handler::default());
    let _payments = [stage.hearer("payments", &one).await, stage.hearer("payments", &two).await];
    let teller = stage.teller().await;
    for number in 1..=100 {
        teller.tell(number).await;
    }
    until("all are handled", async || stage.numbers("payments").await.len() == 100).await;
    assert_eq!(one.tries() + two.tries(), 100);
    assert!(one.tries() > 0 && two.tries() > 0, "{} and {}", one.tries(), two.tries());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_acknowledgement_is_lost_comes_again_and_has_no_effect() {
    let Some(mut stage) = Stage::set().await else { return };
    stage.quick_consumer("payments", Duration::from_millis(500)).await;
    let (committed, (go_on, goes_on)) = (Arc::new(Notify::new()), mpsc::channel());
    let handler = Handler::that_waits_after_commit(&committed, goes_on);
    let bus = stage.bus("payments").await;
    let _payments = Hearer::start("payments", &stage.pool, &bus, &handler);
    let teller = stage.teller().await;
    teller.tell(1).await;
    committed.notified().await;
    stage.nats.stop();
    until("NATS is away", async || bus.report().is_err()).await;
    go_on.send(()).unwrap();
    stage.nats.start_again().await;

    let stream = stage.jetstream().await.get_stream("events").await.unwrap();
    let info = async || stream.consumer_info("payments_orders_v1_OrderPlaced").await.unwrap();
    until("it is acknowledged", async || info().await.ack_floor.stream_sequence == 1).await;
    assert!(info().await.delivered.consumer_sequence > 1, "it came again");
    assert_eq!(stage.numbers("payments").await, [1]);
    assert_eq!(handler.tries(), 1, "the inbox knows it");
}

#[tokio::test]
async fn what_waits_for_something_that_is_away_is_not_counted() {
    let Some(stage) = Stage::set().await else { return };
    let mut consumer = stage.quick_consumer("payments", Duration::from_secs(30)).await;
    let handler = Handler::default();
    handler.set_away(true);
    let _payments = stage.hearer("payments", &handler).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("it was tried often enough to be set aside", async || handler.tries() > 4).await;
    assert_eq!(stage.dead_letters().await, 0);
    handler.set_away(false);
    until("it is handled", async || stage.numbers("payments").await == [1]).await;
    assert_eq!(consumer.info().await.unwrap().delivered.consumer_sequence, 1, "it was delivered once");
}

#[tokio::test]
async fn who_holds_an_event_hands_it_back_when_it_leaves() {
    let Some(stage) = Stage::set().await else { return };
    let handler = Handler::default();
    handler.set_away(true);
    let payments = stage.hearer("payments", &handler).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("it is held", async || handler.tries() > 0).await;
    payments.stop().await;

    let began = std::time::Instant::now();
    let _next = stage.hearer("payments", &Handler::default()).await;
    until("somebody else handles it", async || stage.numbers("payments").await == [1]).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_trace_goes_through_the_bus() {
    let trace = Trace::begin();
    let Some(stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).with_context(trace.context()).await;
    let handled = trace.span(SpanKind::Consumer, "process orders.v1.OrderPlaced").await;
    // It may have been sent in vain before.
    let sent = trace.spans().into_iter().find(|span| span.id == handled.parent).unwrap();
    assert_eq!((sent.name.as_str(), sent.kind), ("send orders.v1.OrderPlaced", SpanKind::Producer));
    assert_eq!(sent.parent, trace.root());
}
