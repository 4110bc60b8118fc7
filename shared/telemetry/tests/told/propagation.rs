//! What is believed of the headers in which a trace travels, and what is passed on.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    baggage::BaggageExt,
    trace::{SpanContext, TraceContextExt},
};
use telemetry::{extract, inject};
use testkit::told::{self, Trace};

/// The example of W3C Trace Context, section 3.2.3.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    told::listen();
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// The span of somebody else that we are a part of.
fn caller(pairs: &[(&'static str, &str)]) -> SpanContext {
    extract(&headers(pairs)).span().span_context().clone()
}

/// What we say when we call others on behalf of who has said this.
fn passed_on(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut passed_on = HeaderMap::new();
    inject(&extract(&headers(pairs)), &mut passed_on);
    passed_on
}

#[test]
fn a_trace_goes_on() {
    let caller = caller(&[("traceparent", TRACEPARENT), ("tracestate", "vendor=value")]);
    assert_eq!(caller.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(caller.span_id().to_string(), "00f067aa0ba902b7");
    assert!(caller.is_sampled() && caller.is_remote());
    assert_eq!(caller.trace_state().header(), "vendor=value");
    assert_eq!(passed_on(&[("traceparent", TRACEPARENT)])["traceparent"], TRACEPARENT);
}

#[test]
fn what_is_no_traceparent_begins_no_trace_of_its_own() {
    let malformed = [
        "",
        "00",
        "nonsense",
        "\u{e9}",
        // No trace, no span, neither.
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-00000000000000000000000000000000-0000000000000000-00",
        // A version that there is not.
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // Letters that nobody writes.
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        // Too short, too long, too many, too few.
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47366-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b77-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-1-1-01",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
    ];
    for traceparent in malformed {
        assert!(!caller(&[("traceparent", traceparent)]).is_valid(), "{traceparent}");
    }
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    for more in ["", "-what", "-what-else"] {
        let later = TRACEPARENT.replacen("00", "cc", 1) + more;
        assert_eq!(passed_on(&[("traceparent", &later)])["traceparent"], TRACEPARENT, "{later}");
    }
    let glued = TRACEPARENT.replacen("00", "cc", 1) + "what";
    assert!(!caller(&[("traceparent", &glued)]).is_valid());
}

#[test]
fn two_traceparents_are_nobodys() {
    let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(!caller(&[("traceparent", TRACEPARENT), ("traceparent", other)]).is_valid());
    assert!(!caller(&[("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)]).is_valid());
}

#[test]
fn a_long_tracestate_is_dropped_and_the_trace_is_kept() {
    let state = |length: usize| format!("vendor={}", "v".repeat(length - "vendor=".len()));
    // Members of a list are 256 characters at most.
    let longest = format!("{},{}", state(256), state(255).replace("vendor", "second"));
    assert_eq!(longest.len(), 512);
    let caller_with = |state: &str| caller(&[("traceparent", TRACEPARENT), ("tracestate", state)]);
    assert_eq!(caller_with(&longest).trace_state().header(), longest);
    for too_long in [format!("{longest}v"), "x".repeat(10_000)] {
        let caller = caller_with(&too_long);
        assert!(caller.is_valid());
        assert_eq!(caller.trace_state().header(), "");
    }
}

#[test]
fn a_tracestate_may_be_spread_over_several_headers() {
    let spread = [("traceparent", TRACEPARENT), ("tracestate", "one=1"), ("tracestate", "two=2")];
    assert_eq!(caller(&spread).trace_state().header(), "one=1,two=2");
}

#[test]
fn baggage_goes_in_and_out() {
    let context = extract(&headers(&[("baggage", "tenant=seven,plan=gold"), ("baggage", "beta=yes")]));
    for (name, value) in [("tenant", "seven"), ("plan", "gold"), ("beta", "yes")] {
        assert_eq!(context.baggage().get(name).map(ToString::to_string).as_deref(), Some(value), "{name}");
    }
    let mut out = HeaderMap::new();
    inject(&context, &mut out);
    let mut members: Vec<_> = out["baggage"].to_str().unwrap().split(',').collect();
    members.sort_unstable();
    assert_eq!(members, ["beta=yes", "plan=gold", "tenant=seven"]);
}

#[test]
fn baggage_that_is_too_heavy_stays_behind() {
    let baggage = |length: usize| format!("tenant={}", "7".repeat(length - "tenant=".len()));
    assert_eq!(passed_on(&[("baggage", &baggage(4096))])["baggage"], baggage(4096).as_str());
    for too_heavy in [4097, 10_000] {
        let passed_on = passed_on(&[("traceparent", TRACEPARENT), ("baggage", &baggage(too_heavy))]);
        assert!(!passed_on.contains_key("baggage"), "{too_heavy}");
        assert_eq!(passed_on["traceparent"], TRACEPARENT);
    }
    // Neither does it get through in parts.
    let parts = [("baggage", &*baggage(4000)), ("baggage", "plan=gold"), ("baggage", &*"x=y,".repeat(100))];
    assert!(!passed_on(&parts).contains_key("baggage"));
}

#[test]
fn what_a_client_has_said_is_replaced() {
    let trace = Trace::begin();
    let mut out = headers(&[
        ("traceparent", TRACEPARENT),
        ("traceparent", TRACEPARENT),
        ("tracestate", "vendor=value"),
        ("baggage", "tenant=seven"),
        ("accept", "*/*"),
    ]);
    inject(&trace.context(), &mut out);
    assert_eq!(out.get_all("traceparent").iter().collect::<Vec<_>>(), [&trace.traceparent()]);
    assert!(out.get("tracestate").is_none_or(HeaderValue::is_empty));
    assert!(!out.contains_key("baggage"));
    assert_eq!(out["accept"], "*/*");
}
