//! What the line of a span says.

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::{Shop, end, from_afar};

#[test]
fn a_failure_is_marked_with_its_code_and_its_reason() {
    let error = |reason: &'static str| Status::Error { description: reason.into() };
    let code = || KeyValue::new("rpc.response.status_code", "UNAVAILABLE");
    let kind = |kind: &'static str| KeyValue::new("error.type", kind);
    assert_eq!(note(error("nobody is there"), vec![code()]), "✗ UNAVAILABLE nobody is there");
    assert_eq!(note(error(""), vec![code(), kind("UNAVAILABLE")]), "✗ UNAVAILABLE");
    assert_eq!(note(error("lost"), vec![kind("timeout")]), "✗ lost");
    assert_eq!(note(Status::Unset, vec![kind("timeout")]), "✗ timeout");
    assert_eq!(note(error(""), vec![]), "✗");
}

#[test]
fn a_success_says_its_code_or_its_database() {
    let http = KeyValue::new("http.response.status_code", 201);
    let rpc = |code: &'static str| KeyValue::new("rpc.response.status_code", code);
    assert_eq!(note(Status::Unset, vec![http]), "201");
    assert_eq!(note(Status::Unset, vec![rpc("NOT_FOUND")]), "NOT_FOUND");
    assert_eq!(note(Status::Ok, vec![rpc("OK")]), "");
    assert_eq!(note(Status::Unset, vec![KeyValue::new("db.namespace", "users")]), "users");
}

#[test]
fn calls_have_an_arrow_and_queries_have_none() {
    let shop = Shop::open();
    let client = |name| shop.tracer.span_builder(name).with_kind(SpanKind::Client);
    drop(client("Get").start_with_context(&shop.tracer, &from_afar(1)));
    assert_eq!(shop.names(), ["→ Get"]);
    let query = client("SELECT users").with_attributes([KeyValue::new("db.namespace", "users")]);
    drop(query.start_with_context(&shop.tracer, &from_afar(1)));
    assert_eq!(shop.names(), ["SELECT users"]);
}

#[test]
fn what_is_short_is_thin_and_what_took_no_time_is_no_trouble() {
    let shop = Shop::open();
    let long = shop.start(&from_afar(1), "long", 0);
    end(&shop.start(&long, "short", 1000), 1000);
    end(&long, 1000);
    assert!(shop.printed().concat().ends_with(&format!("    0.0 ms {}▏\n", " ".repeat(23))));

    end(&shop.start(&from_afar(1), "nothing", 0), 0);
    assert!(shop.printed().concat().ends_with(" nothing 0.00 ms ▏\n"));
}

#[test]
fn nobody_can_write_to_the_terminal_but_us() {
    let shop = Shop::open();
    let span = shop.start(&from_afar(1), "GET /\x1b]0;title\x07\n trace", 0);
    span.span().set_status(Status::Error { description: "\x1b[2J\r\u{9b}1A".into() });
    end(&span, 1);
    let printed = shop.printed().concat();
    assert_eq!(printed.lines().count(), 2);
    assert!(!printed.replace('\n', "").contains(char::is_control), "{printed:?}");
}

#[test]
fn no_line_is_wider_than_a_wide_terminal() {
    let shop = Shop::open();
    let span = shop.start(&from_afar(1), &"x".repeat(200), 0);
    span.span().set_status(Status::Error { description: "y".repeat(200).into() });
    end(&span, 1);
    let widths: Vec<usize> = shop.printed().concat().lines().map(|line| line.chars().count()).collect();
    assert_eq!(widths[1], 120);
}

#[test]
fn failures_are_red_where_there_are_colours() {
    let shop = Shop::with_colour(true);
    let span = shop.start(&from_afar(1), "GET /", 0);
    span.span().set_status(Status::error("no"));
    end(&span, 1);
    assert!(shop.printed().concat().ends_with(&format!("\x1b[31m{}\x1b[0m \x1b[31m✗ no\x1b[0m\n", "█".repeat(24))));
}

/// What the only span of a trace has at the end of its line.
fn note(status: Status, attributes: Vec<KeyValue>) -> String {
    let shop = Shop::open();
    let span = shop.start(&from_afar(1), "GET", 0);
    span.span().set_status(status);
    span.span().set_attributes(attributes);
    end(&span, 1);
    shop.printed().concat().rsplit('█').next().unwrap().trim().to_owned()
}
