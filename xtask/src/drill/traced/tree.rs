//! A trace as the tree that it is.

use std::collections::BTreeMap;

use anyhow::ensure;

use crate::cluster::{Item, Received};

pub struct Tree<'a> {
    spans: BTreeMap<&'a str, &'a Item>,
}

impl<'a> Tree<'a> {
    /// Of the spans of one trace.
    pub fn of(received: &'a Received, trace: &str) -> Self {
        let spans = received.spans().filter(|span| span.trace() == trace);
        Self { spans: spans.map(|span| (span.span(), span)).collect() }
    }

    pub fn span(&self, id: &str) -> Option<&'a Item> {
        self.spans.get(id).copied()
    }

    pub fn spans(&self) -> impl Iterator<Item = &'a Item> {
        self.spans.values().copied()
    }

    /// Errors: a span has a parent that is neither in the tree nor `root`.
    pub fn is_whole(&self, root: &str) -> anyhow::Result<()> {
        for span in self.spans() {
            let is_attached = span.parent() == root || self.spans.contains_key(span.parent());
            ensure!(is_attached, "nobody knows the parent of {} {}", span.service(), span.name());
        }
        Ok(())
    }

    /// The spans below this one, a line each, in the order of their beginning, as far as they count.
    pub fn lines(&self, below: &str, counts: impl Fn(&Item) -> bool + Copy) -> Vec<String> {
        let mut children: Vec<_> = self.spans().filter(|span| span.parent() == below && counts(span)).collect();
        children.sort_by_key(|span| span.start());
        let mut lines = Vec::new();
        for child in children {
            lines.push(format!("{} {} {}", child.service(), child.kind(), child.name()));
            lines.extend(self.lines(child.span(), counts).iter().map(|line| format!("  {line}")));
        }
        lines
    }
}
