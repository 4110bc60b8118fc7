//! From when to when a trace lasted, and which part of it a span took.

use std::time::{Duration, SystemTime};

use super::span::EndedSpan;

/// The width of the bar of the whole trace.
pub(super) const COLUMNS: usize = 24;

pub(super) struct Timeline {
    start: SystemTime,
    total: Duration,
}

impl Timeline {
    pub(super) fn of(spans: &[EndedSpan]) -> Self {
        let start = spans.iter().map(|span| span.start).min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
        Self { start, total: between(start, end) }
    }

    pub(super) fn total(&self) -> String {
        self.milliseconds(self.total)
    }

    pub(super) fn duration(&self, span: &EndedSpan) -> String {
        self.milliseconds(between(span.start, span.end))
    }

    /// One precision for a whole trace, so that the points stand below each other.
    fn milliseconds(&self, duration: Duration) -> String {
        let decimals = if self.total < Duration::from_millis(10) { 2 } else { 1 };
        format!("{:.decimals$} ms", duration.as_secs_f64() * 1000.0)
    }

    /// As wide as the span was long, as far from the left as it was late; thin if it took less than a column.
    pub(super) fn bar(&self, span: &EndedSpan) -> String {
        let (from, to) = (self.column(span.start), self.column(span.end));
        if from < to { " ".repeat(from) + &"█".repeat(to - from) } else { " ".repeat(from.min(COLUMNS - 1)) + "▏" }
    }

    fn column(&self, time: SystemTime) -> usize {
        // If nothing took any time this is not a number, which casts to the first column.
        let share = between(self.start, time).div_duration_f64(self.total);
        (share * COLUMNS as f64).round() as usize
    }
}

/// None, if the clock was set back meanwhile.
fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}
