//! The page: everything in one file, with charts that need no script.

use std::fmt::Write;

use super::{Latencies, Report};

mod chart;

use chart::{Line, chart};

const STYLE: &str = include_str!("style.css");

/// `missed` are the thresholds that were not kept.
pub fn page(report: &Report, missed: &[String]) -> String {
    let title = format!("{} at {}", report.scenario, report.targets.join(", "));
    let verdict = match missed {
        [] => r#"<p class="kept">All thresholds are kept.</p>"#.to_owned(),
        missed => format!(r#"<ul class="missed">{}</ul>"#, items(missed)),
    };
    let interrupted = if report.interrupted { "; interrupted, the rest was not measured" } else { "" };
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>{at}: {model}, {seconds:.1} s{interrupted}. {iterations} iterations ({rate:.1}/s), {failed} failed.</p>
{verdict}
<h2>Latency of an iteration, from when it was due</h2>
{latency}
<h2>Iterations in a second</h2>
{rates}
<h2>Milliseconds</h2>
<div class="wide">{calls}</div>
<h2>Answers</h2>
{answers}
</body>
</html>
"#,
        title = escaped(&title),
        at = report.at,
        model = report.model,
        seconds = report.seconds,
        iterations = report.iterations,
        rate = report.rate,
        failed = report.failed,
        latency = latencies_over_time(report),
        rates = rates_over_time(report),
        calls = calls(report),
        answers = answers(report),
    )
}

fn latencies_over_time(report: &Report) -> String {
    let at =
        |value: fn(&super::Moment) -> f64| report.series.iter().map(|moment| (moment.from, value(moment))).collect();
    chart(
        "ms",
        &[
            Line { name: "p50", class: "first", points: at(|moment| moment.p50_ms) },
            Line { name: "p99", class: "second", points: at(|moment| moment.p99_ms) },
        ],
    )
}

fn rates_over_time(report: &Report) -> String {
    let at =
        |value: fn(&super::Moment) -> f64| report.series.iter().map(|moment| (moment.from, value(moment))).collect();
    chart(
        "/s",
        &[
            Line { name: "all", class: "first", points: at(|moment| moment.rate) },
            Line { name: "failed", class: "bad", points: at(|moment| moment.failed as f64) },
        ],
    )
}

fn calls(report: &Report) -> String {
    let mut rows = row("iteration, since due", report.iterations, &report.latency_ms);
    for (what, call) in &report.calls {
        rows += &row(what, call.count, &call.latency_ms);
    }
    format!(
        "<table><tr><th></th><th>count</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>{rows}</table>"
    )
}

fn row(name: &str, count: u64, latencies: &Latencies) -> String {
    let Latencies { p50, p90, p99, p99_9, max } = latencies;
    let cells = [p50, p90, p99, p99_9, max].map(|value| format!("<td>{value:.1}</td>")).concat();
    format!("<tr><th>{}</th><td>{count}</td>{cells}</tr>", escaped(name))
}

fn answers(report: &Report) -> String {
    let mut rows = String::new();
    for (status, count) in &report.statuses {
        // Writing to a String cannot fail.
        let _ = write!(rows, "<tr><th>{status}</th><td>{count}</td></tr>");
    }
    for (failure, count) in &report.failures {
        let _ = write!(rows, r#"<tr class="missed"><th>{}</th><td>{count}</td></tr>"#, escaped(failure));
    }
    format!("<table>{rows}</table>")
}

fn items(lines: &[String]) -> String {
    lines.iter().map(|line| format!("<li>{}</li>", escaped(line))).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
