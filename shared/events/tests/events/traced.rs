//! An event in the trace of what it tells of.

use events::{Bus, Event};
use opentelemetry::{context::FutureExt, trace::SpanKind};
use testkit::told::{Trace, metric};
use uuid::Uuid;

use crate::harness::{Said, Service, defect, until_open};

#[tokio::test]
async fn one_trace_reaches_from_the_writing_to_the_effect() {
    let trace = Trace::begin();
    let (teller, hearer) = (Service::new("teller").await, Service::new("traced").await);
    let bus = Bus::in_process(&["traced"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    teller.tell(Uuid::now_v7(), "a secret").with_context(trace.context()).await;
    let process = trace.span(SpanKind::Consumer, "process tales.v1.Said").await;
    let send = trace.span(SpanKind::Producer, "send tales.v1.Said").await;
    assert_eq!((send.parent, process.parent), (trace.root(), send.id));
    assert!(!send.has_failed() && !process.has_failed());
    assert_eq!(process.attribute("messaging.consumer.group.name"), Some("traced"));
    assert_eq!(process.attribute("messaging.destination.name"), Some("tales.v1.Said"));
    assert_eq!(send.attribute("messaging.operation.name"), Some("publish"));
    // What is done about it is a part of it; how the relay found it is not.
    let insert = trace.span(SpanKind::Client, "INSERT notes").await;
    assert_eq!(insert.parent, process.id);
    let spans = trace.spans();
    assert!(spans.iter().all(|span| !span.name.starts_with("UPDATE")), "{spans:?}");
    assert!(!format!("{spans:?}").contains("secret"));

    // A batch is many traces', and so a part of none.
    let [batch] = &trace.linked()[..] else { panic!("{:?}", trace.linked()) };
    assert_eq!((batch.name.as_str(), &batch.links[..]), ("publish", &[send.id][..]));

    let labels = [("messaging_destination_name", "tales.v1.Said"), ("messaging_consumer_group_name", "traced")];
    assert_eq!(metric("messaging_process_duration_seconds_count", &labels), Some(1.0));
    let published = metric("messaging_client_operation_duration_seconds_count", &labels[..1]);
    assert!(published.is_some_and(|count| count >= 1.0), "{published:?}");
}

#[tokio::test]
async fn a_failure_is_one_in_the_trace_too() {
    let trace = Trace::begin();
    let (teller, hearer) = (Service::new("teller").await, Service::new("failing").await);
    let bus = Bus::in_process(&["failing"]);
    let fails = |_: &Event<Said>| Err(defect());
    let _running = (teller.relay(&bus), hearer.does(&bus, fails));
    until_open(&bus).await;
    teller.tell(Uuid::now_v7(), "nonsense").with_context(trace.context()).await;
    let process = trace.span(SpanKind::Consumer, "process tales.v1.Said").await;
    let send = trace.span(SpanKind::Producer, "send tales.v1.Said").await;
    assert_eq!((process.attribute("error.type"), process.has_failed()), (Some("defect"), true));
    assert!(send.has_failed());
    let labels = [("messaging_consumer_group_name", "failing"), ("error_type", "defect")];
    assert!(metric("messaging_process_duration_seconds_count", &labels).is_some_and(|count| count >= 1.0));
}
