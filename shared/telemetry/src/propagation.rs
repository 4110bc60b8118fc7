//! How a trace goes from process to process: W3C Trace Context and Baggage, in headers.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header::ToStrError};
use opentelemetry::{
    Context, global,
    propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator},
};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

/// What vendors add to a trace is passed on up to this length, in bytes: the least that the standard asks for (W3C Trace
/// Context, section 3.3.1.5).
const MAX_TRACE_STATE: usize = 512;

/// The same for baggage. The standard asks for 8192, which with a token would be more than a call's headers may have.
const MAX_BAGGAGE: usize = 4096;

pub(crate) fn start() {
    let standards: Vec<Box<dyn TextMapPropagator + Send + Sync>> =
        vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())];
    global::set_text_map_propagator(TextMapCompositePropagator::new(standards));
}

/// The trace that a request belongs to. What cannot be read, or is too long to be passed on, is as good as not there.
pub fn extract(headers: &HeaderMap) -> Context {
    let readable = Readable::of(headers);
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &readable))
}

/// Says in the headers of a request of ours which trace it belongs to, and nothing else.
pub fn inject(context: &Context, headers: &mut HeaderMap) {
    for name in ["traceparent", "tracestate", "baggage"] {
        headers.remove(name);
    }
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, &mut HeaderInjector(headers));
    });
}

/// What may be read of the headers.
#[derive(Default)]
struct Readable<'a> {
    trace_parent: Option<&'a str>,
    trace_state: Option<Cow<'a, str>>,
    baggage: Option<Cow<'a, str>>,
}

impl<'a> Readable<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let baggage = joined(headers, "baggage", MAX_BAGGAGE);
        let mut parents = headers.get_all("traceparent").iter().map(HeaderValue::to_str);
        // Two of them are nobody's.
        let (Some(Ok(parent)), None) = (parents.next(), parents.next()) else {
            return Self { baggage, ..Self::default() };
        };
        let trace_parent = Some(parent).filter(|parent| is_well_formed(parent.as_bytes()));
        Self { trace_parent, trace_state: joined(headers, "tracestate", MAX_TRACE_STATE), baggage }
    }
}

impl Extractor for Readable<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "traceparent" => self.trace_parent,
            "tracestate" => self.trace_state.as_deref(),
            "baggage" => self.baggage.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        ["traceparent", "tracestate", "baggage"].into_iter().filter(|name| self.get(name).is_some()).collect()
    }
}

/// All fields have their lengths, to which later versions may add some (W3C Trace Context, sections 3.2 and 4): the SDK
/// takes shorter ones too, which would be the ids of somebody else.
fn is_well_formed(traceparent: &[u8]) -> bool {
    const SHAPE: &[u8] = b"00-00000000000000000000000000000000-0000000000000000-00";
    let Some((known, more)) = traceparent.split_at_checked(SHAPE.len()) else { return false };
    let fits = |(byte, model): (&u8, &u8)| match model {
        b'-' => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    known.iter().zip(SHAPE).all(fits) && (more.is_empty() || more.starts_with(b"-") && !known.starts_with(b"00"))
}

/// A list may be spread over several headers of its name (RFC 9110, section 5.3).
fn joined<'a>(headers: &'a HeaderMap, name: &str, limit: usize) -> Option<Cow<'a, str>> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::to_str);
    let first = Cow::Borrowed(values.next()?.ok()?);
    let list = values.try_fold(first, |list, value| Ok::<_, ToStrError>(format!("{list},{}", value?).into())).ok()?;
    Some(list).filter(|list| (1..=limit).contains(&list.len()))
}
