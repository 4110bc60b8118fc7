//! A trace as text: a line for each span under its parent's, with a bar that shows when it ran.

use super::{
    branches::{Row, rows},
    open_traces::Trace,
    text::shortened,
    timeline::{COLUMNS, Timeline},
};

/// How wide a line may be; only the deepest branches are wider.
const WIDEST_LINE: usize = 120;

const DIM: u8 = 2;
const RED: u8 = 31;

/// The whole block, with a line end after each of its lines.
pub(super) fn draw(trace: &Trace, colour: bool) -> String {
    let rows = rows(&trace.ended);
    let timeline = Timeline::of(&trace.ended);
    let page = Page {
        label: rows.iter().map(Row::width).max().unwrap_or_default(),
        duration: timeline.total().chars().count(),
        timeline,
        colour,
    };
    let lines = rows.iter().map(|row| page.line(row));
    let mut block: Vec<String> = [page.title(trace)].into_iter().chain(lines).collect();
    block.extend(remark(trace.left_out, "more"));
    block.extend(remark(trace.open.len(), "unfinished"));
    block.join("\n") + "\n"
}

/// The widths of the columns, and what they have in common.
struct Page {
    label: usize,
    duration: usize,
    timeline: Timeline,
    colour: bool,
}

impl Page {
    fn title(&self, trace: &Trace) -> String {
        let spans = trace.ended.len() + trace.open.len() + trace.left_out;
        format!("trace {} · {} · {spans} span{}", trace.id, self.timeline.total(), plural(spans))
    }

    fn line(&self, Row { branch, name, span }: &Row<'_>) -> String {
        let style = if span.failed { RED } else { DIM };
        let name_width = self.label - branch.chars().count();
        let branch = self.paint(DIM, branch);
        let duration = self.timeline.duration(span);
        let bar = format!("{:<COLUMNS$}", self.timeline.bar(span));
        let bar = if span.failed { self.paint(RED, &bar) } else { bar };
        let note = self.paint(style, &shortened(&span.note, self.room_for_notes()));
        let line = format!(" {branch}{name:<name_width$} {duration:>width$} {bar} {note}", width = self.duration);
        line.trim_end().to_owned()
    }

    fn room_for_notes(&self) -> usize {
        let gaps = 4;
        WIDEST_LINE.saturating_sub(gaps + self.label + self.duration + COLUMNS)
    }

    fn paint(&self, style: u8, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn remark(spans: usize, which: &str) -> Option<String> {
    (spans > 0).then(|| format!(" … and {spans} {which} span{}", plural(spans)))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
