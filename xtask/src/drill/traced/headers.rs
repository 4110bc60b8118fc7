//! Headers that somebody got wrong, or sent on purpose: the answer is the same, and the trace is a new one, unless the
//! client's own can be gone on with.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};

use super::{
    context::Context,
    tree::Tree,
    witness::{Witness, look_at_product},
};
use crate::{
    cluster::Received,
    drill::{load::Request, report::figure},
};

/// Three of them are as much as the gateway reads of a head.
const LONG: usize = 5_000;

type Headers = Vec<(&'static str, Vec<u8>)>;

/// What is sent, and the trace that goes on with it.
struct Case {
    headers: Headers,
    goes_on: Option<Context>,
}

pub async fn do_no_harm(witness: &mut Witness<'_>) -> anyhow::Result<()> {
    let usual = witness.at[0].expect(&look_at_product("the-usual")).await?;
    let mut sent = Vec::new();
    for (gateway, name) in [(0, "one"), (1, "other")] {
        for (number, case) in cases().into_iter().enumerate() {
            let id = format!("strange-{name}-{number}");
            let answer = witness.at[gateway].expect(&case.request(&id)).await;
            let answer = answer.with_context(|| format!("with {}", case.text()))?;
            ensure!(answer == usual, "with {} the answer is another: {answer}", case.text());
            sent.push((id, case));
        }
    }
    figure("requests, all answered as usual", sent.len());
    judge(witness, &sent).await
}

async fn judge(witness: &mut Witness<'_>, sent: &[(String, Case)]) -> anyhow::Result<()> {
    witness.settled().await?;
    let requests = witness.requests()?;
    let received = witness.received()?;
    let (mut fresh, mut went_on, mut wrong) = (HashSet::new(), 0, 0);
    for (id, case) in sent {
        let trace = requests.get(id).and_then(|line| line["trace_id"].as_str()).unwrap_or_default();
        match case.judge(received, trace) {
            Ok(()) if case.goes_on.is_some() => went_on += 1,
            Ok(()) => drop(fresh.insert(trace)),
            Err(error) => {
                wrong += 1;
                figure(&format!("{error:#}"), case.text());
            }
        }
    }
    figure("new traces", fresh.len());
    figure("traces that went on", went_on);
    ensure!(wrong == 0, "{wrong} of {} requests are in another trace than they should be", sent.len());
    ensure!(fresh.len() + went_on == sent.len(), "two requests are in the same new trace");
    Ok(())
}

fn is_valid(trace: &str) -> bool {
    let is_hex = trace.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    trace.len() == 32 && is_hex && trace.bytes().any(|byte| byte != b'0')
}

impl Case {
    fn request(&self, id: &str) -> Request {
        self.headers.iter().fold(look_at_product(id), |request, (name, value)| request.with(name, value))
    }

    /// Errors: the request is not in the trace that it should be in.
    fn judge(&self, received: &Received, trace: &str) -> anyhow::Result<()> {
        ensure!(is_valid(trace), "it is in no trace");
        let parent = match &self.goes_on {
            Some(context) => {
                ensure!(trace == context.trace, "the trace does not go on");
                &context.span
            }
            None => {
                ensure!(!self.says(trace), "the trace goes on");
                ""
            }
        };
        let tree = Tree::of(received, trace);
        ensure!(!tree.lines(parent, |_| true).is_empty(), "the trace has not come, or not with that parent");
        tree.is_whole(parent)
    }

    fn says(&self, text: &str) -> bool {
        self.headers.iter().any(|(_, value)| String::from_utf8_lossy(value).contains(text))
    }

    /// For people.
    fn text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| {
            let start: String = String::from_utf8_lossy(value).chars().take(70).collect();
            format!("{name}: {} ({} bytes)", start.escape_default(), value.len())
        });
        headers.collect::<Vec<_>>().join(", ")
    }
}

fn cases() -> Vec<Case> {
    let no_context = malformed().into_iter().map(|value| vec![("traceparent", value)]);
    let alone = beside().into_iter();
    let fresh = no_context.chain(alone).chain([two_parents()]).map(|headers| Case { headers, goes_on: None });
    let going_on = beside().into_iter().map(|mut headers| {
        let context = Context::new();
        headers.push(("traceparent", context.sampled().into_bytes()));
        Case { headers, goes_on: Some(context) }
    });
    fresh.chain(going_on).collect()
}

/// What is no `traceparent`.
fn malformed() -> Vec<Vec<u8>> {
    let Context { trace, span } = Context::new();
    let text = [
        String::new(),
        "00".to_owned(),
        "-".repeat(55),
        format!("00-{trace}-{span}"),
        format!("00-{}-{span}-01", &trace[1..]),
        format!("00-{trace}0-{span}-01"),
        format!("00-{trace}-{}-01", &span[1..]),
        format!("00-{trace}-{span}-01-more"),
        format!("00-{}-{span}-01", "0".repeat(32)),
        format!("00-{trace}-{}-01", "0".repeat(16)),
        format!("ff-{trace}-{span}-01"),
        format!("0x-{trace}-{span}-01"),
        format!("00-{}-{span}-01", "g".repeat(32)),
        format!("00-{trace}-{}-01", "+".repeat(16)),
        format!("00-{trace}-{span}-zz"),
        format!("00_{trace}_{span}_01"),
        "00-".repeat(LONG / 3),
    ];
    let binary = [vec![0xff; 55], [b"00-".as_slice(), &[0x80; 32], b"-b7ad6b7169203331-01"].concat()];
    text.into_iter().map(String::into_bytes).chain(binary).collect()
}

fn two_parents() -> Headers {
    [Context::new(), Context::new()].map(|context| ("traceparent", context.sampled().into_bytes())).into()
}

/// What may stand beside a `traceparent`, or alone.
fn beside() -> Vec<Headers> {
    let long = |pair: &str| pair.repeat(LONG / pair.len()).into_bytes();
    vec![
        vec![("baggage", long("k=v,"))],
        vec![("baggage", [b"k=".as_slice(), &[b'v'; LONG]].concat())],
        vec![("tracestate", long("vendor=value,"))],
        vec![("tracestate", [b"k=".as_slice(), &[b'v'; LONG]].concat())],
        vec![("baggage", long("k=v,")), ("tracestate", long("vendor=value,"))],
        vec![("baggage", vec![0xff; 100]), ("tracestate", vec![0xfe; 100])],
        vec![("baggage", b"=,;=;,%,%zz=%ff,k=%00%0a".to_vec()), ("tracestate", b",,==,a=,=b".to_vec())],
    ]
}
