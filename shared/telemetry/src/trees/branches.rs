//! The order of the lines, and the branches on which they hang.

use std::collections::{HashMap, HashSet};

use opentelemetry::trace::SpanId;

use super::{span::EndedSpan, text::shortened};

/// In characters, with the branch in front of the name.
const LONGEST_LABEL: usize = 60;

/// At the end of however long a branch.
const ROOM_FOR_NAMES: usize = 12;

pub(super) struct Row<'a> {
    pub(super) branch: String,
    pub(super) name: String,
    pub(super) span: &'a EndedSpan,
}

impl<'a> Row<'a> {
    fn new(branch: String, span: &'a EndedSpan) -> Self {
        let room = LONGEST_LABEL.saturating_sub(branch.chars().count()).max(ROOM_FOR_NAMES);
        Self { branch, name: shortened(&span.name, room), span }
    }

    pub(super) fn width(&self) -> usize {
        self.branch.chars().count() + self.name.chars().count()
    }
}

/// Every span below its parent, brothers and sisters by age.
pub(super) fn rows(spans: &[EndedSpan]) -> Vec<Row<'_>> {
    let forest = Forest::of(spans);
    let mut rows = Vec::with_capacity(spans.len());
    for root in forest.children(SpanId::INVALID) {
        rows.push(Row::new(String::new(), root));
        forest.climb(root, "", &mut rows);
    }
    rows
}

/// The spans by their parents; roots have an invalid one.
struct Forest<'a>(HashMap<SpanId, Vec<&'a EndedSpan>>);

impl<'a> Forest<'a> {
    fn of(spans: &'a [EndedSpan]) -> Self {
        let known: HashSet<SpanId> = spans.iter().map(|span| span.id).collect();
        let mut by_age: Vec<&EndedSpan> = spans.iter().collect();
        by_age.sort_by_key(|span| span.start);
        let mut children: HashMap<SpanId, Vec<&EndedSpan>> = HashMap::new();
        for span in by_age {
            let parent = if known.contains(&span.parent) { span.parent } else { SpanId::INVALID };
            children.entry(parent).or_default().push(span);
        }
        Self(children)
    }

    fn children(&self, parent: SpanId) -> &[&'a EndedSpan] {
        self.0.get(&parent).map_or(&[], Vec::as_slice)
    }

    fn climb(&self, parent: &EndedSpan, trunk: &str, rows: &mut Vec<Row<'a>>) {
        let children = self.children(parent.id);
        for (index, child) in children.iter().enumerate() {
            let is_last = index + 1 == children.len();
            let (fork, beyond) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            rows.push(Row::new(format!("{trunk}{fork}"), child));
            self.climb(child, &format!("{trunk}{beyond}"), rows);
        }
    }
}
