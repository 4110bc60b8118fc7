//! The metadata of a crate's queries: one file per query, named by the hash of its text.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde_json::Value;

use crate::finding::Finding;

/// File name to content.
#[derive(Default)]
pub struct Queries(BTreeMap<String, String>);

impl Queries {
    /// A folder that does not exist holds none.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            return Ok(Self(BTreeMap::new()));
        }
        let files = fs::read_dir(folder)?.map(|entry| {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok((name, fs::read_to_string(entry.path())?))
        });
        files.collect::<anyhow::Result<_>>().map(Self).with_context(|| folder.display().to_string())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Only those that the others do not have.
    pub fn without(mut self, others: &Self) -> Self {
        self.0.retain(|file, _| !others.0.contains_key(file));
        self
    }

    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// What is wrong with these, as checked in for the crate in `folder`, where the database says `asked`.
    pub fn differences(&self, asked: &Self, folder: &str) -> Vec<Finding> {
        let finding = |file: &str, query: &str, complaint: &str| {
            let path = format!("{folder}/.sqlx/{file}");
            let message = format!("{complaint}; run `cargo xtask prepare`: {}", first_words(query));
            Finding::new(&path, 1, message)
        };
        let wanting = asked.0.iter().filter_map(|(file, query)| match self.0.get(file) {
            None => Some(finding(file, query, "this query has no metadata")),
            Some(kept) if kept != query => Some(finding(file, query, "the database says otherwise")),
            Some(_) => None,
        });
        let unused = self.0.iter().filter(|(file, _)| !asked.0.contains_key(*file));
        wanting.chain(unused.map(|(file, query)| finding(file, query, "no code asks this query"))).collect()
    }

    /// Puts these in a folder in place of those that it holds.
    pub fn replace(&self, kept: &Self, folder: &Path) -> anyhow::Result<()> {
        for file in kept.0.keys().filter(|file| !self.0.contains_key(*file)) {
            fs::remove_file(folder.join(file))?;
        }
        for (file, query) in &self.0 {
            fs::create_dir_all(folder)?;
            fs::write(folder.join(file), query)?;
        }
        Ok(())
    }
}

/// Enough of a query's text to recognise it.
fn first_words(metadata: &str) -> String {
    let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    let words = metadata["query"].as_str().unwrap_or_default().split_whitespace();
    words.take(8).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries<const N: usize>(files: [(&str, &str); N]) -> Queries {
        let query = |text| format!("{{\"query\": \"{text}\"}}");
        Queries(files.map(|(file, text)| (file.to_owned(), query(text))).into())
    }

    #[test]
    fn the_same_queries_are_no_difference() {
        let kept = queries([("a.json", "select 1")]);
        let asked = queries([("a.json", "select 1")]);
        assert!(kept.differences(&asked, "services/users").is_empty());
    }

    #[test]
    fn what_others_ask_is_left_to_them() {
        let mut of_others = Queries::default();
        of_others.extend(queries([("a.json", "select 1")]));
        let own = queries([("a.json", "select 1"), ("b.json", "select 2")]).without(&of_others);
        assert_eq!(own.0.into_keys().collect::<Vec<_>>(), ["b.json"]);
    }

    #[test]
    fn a_new_a_changed_and_an_abandoned_query_are_found() {
        let kept = queries([("b.json", "select 2"), ("c.json", "select 3")]);
        let asked = queries([("a.json", "select 1"), ("b.json", "select  two")]);
        let findings: Vec<_> = kept.differences(&asked, "services/users").iter().map(Finding::to_string).collect();
        assert_eq!(
            findings,
            [
                "services/users/.sqlx/a.json:1: this query has no metadata; run `cargo xtask prepare`: select 1",
                "services/users/.sqlx/b.json:1: the database says otherwise; run `cargo xtask prepare`: select two",
                "services/users/.sqlx/c.json:1: no code asks this query; run `cargo xtask prepare`: select 3",
            ]
        );
    }
}
