//! Rules on what a source file may say, how it opens and how long it is.

use crate::{
    finding::Finding,
    tree::{Source, Tree},
};

const LINES_AT_MOST: usize = 300;

pub fn business_knows_no_transport_nor_database(tree: &Tree) -> Vec<Finding> {
    let is_business = |file: &ServiceFile| matches!(file.concept, "app" | "domain");
    let offence = |code: &str| {
        let foreign = ["proto", "sqlx", "tonic"].into_iter().find(|it| is_in_a_path(code, it))?;
        Some(format!("the business does not know `{foreign}`"))
    };
    search(tree, is_business, offence)
}

pub fn the_contract_stays_at_the_edge(tree: &Tree) -> Vec<Finding> {
    let is_inside = |file: &ServiceFile| match file.concept {
        "grpc" | "clients" | "messages" => false,
        "routes" => file.service != "gateway",
        _ => true,
    };
    let offence = |code: &str| {
        words(code, "pb").next()?;
        Some("`pb` belongs in grpc.rs, clients.rs, messages.rs and the gateway's routes".to_owned())
    };
    search(tree, is_inside, offence)
}

pub fn open_with_a_sentence(tree: &Tree) -> Vec<Finding> {
    let message = "the file does not open with a `//! ` sentence on what is found in it";
    let silent = written(tree).filter(|it| !it.text.starts_with("//! "));
    silent.map(|it| Finding::new(&it.path, 1, message)).collect()
}

pub fn are_short(tree: &Tree) -> Vec<Finding> {
    let message = format!("the file passes {LINES_AT_MOST} lines: make it a folder of that name");
    let long = written(tree).filter(|it| it.text.lines().count() > LINES_AT_MOST);
    long.map(|it| Finding::new(&it.path, LINES_AT_MOST + 1, &message)).collect()
}

/// The Rust that people write and read.
fn written(tree: &Tree) -> impl Iterator<Item = &Source> {
    let is_generated = |it: &Source| it.text.lines().take(3).any(|it| it.contains("@generated"));
    let rust = tree.sources.iter().filter(|it| it.path.ends_with(".rs"));
    rust.filter(move |it| !is_generated(it))
}

/// Where a file stands in a service: `services/orders/src/app/place.rs` is of orders' `app`.
struct ServiceFile<'a> {
    service: &'a str,
    concept: &'a str,
}

impl<'a> ServiceFile<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (service, file) = path.strip_prefix("services/")?.split_once("/src/")?;
        let concept = file.split(['/', '.']).next()?;
        Some(Self { service, concept })
    }
}

/// Goes through the services' files that `concerns` picks, and reports each line of code with an offence.
fn search(
    tree: &Tree,
    concerns: impl Fn(&ServiceFile) -> bool,
    offence: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        if ServiceFile::parse(&source.path).is_some_and(|file| concerns(&file)) {
            let offences = source.code().filter_map(|(line, code)| Some((line, offence(code)?)));
            findings.extend(offences.map(|(line, why)| Finding::new(&source.path, line, why)));
        }
    }
    findings
}

fn is_in_a_path(code: &str, word: &str) -> bool {
    let imports = words(code, "use").next().is_some();
    words(code, word).any(|(before, after)| imports || before.ends_with("::") || after.starts_with("::"))
}

/// What stands before and after each occurrence of an identifier.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let in_a_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(move |(at, _)| (&code[..at], &code[at + word.len()..]))
        .filter(move |(before, after)| !before.ends_with(in_a_name) && !after.starts_with(in_a_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "services/users/src/app.rs";

    /// The lines of a file on which it breaks a rule.
    fn broken(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        let (path, text) = (path.to_owned(), text.to_owned());
        let tree = Tree { sources: vec![Source { path, text }], ..Tree::default() };
        rule(&tree).iter().map(|it| it.line).collect()
    }

    fn holds(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> bool {
        broken(rule, path, text).is_empty()
    }

    #[test]
    fn the_business_speaks_its_own_words() {
        let rule = business_knows_no_transport_nor_database;
        let good = "use crate::store::Store; // not sqlx::Pool\nlet proto = tonic_water();\n";
        assert!(holds(rule, APP, good));
        assert!(holds(rule, "services/users/src/grpc.rs", "use tonic::Status;\n"));
    }

    #[test]
    fn the_business_speaks_of_no_transport_nor_database() {
        let rule = business_knows_no_transport_nor_database;
        let bad = "use proto::users::v1 as pb;\nuse {std::fmt, tonic};\nlet it: ::sqlx::Result<()>;\n";
        assert_eq!(broken(rule, APP, bad), [1, 2, 3]);
        assert_eq!(broken(rule, "services/users/src/domain/email.rs", bad), [1, 2, 3]);
    }

    #[test]
    fn the_contract_is_spoken_at_the_edge() {
        let rule = the_contract_stays_at_the_edge;
        let text = "use proto::users::v1 as pb;\nfn f(_: pb::User) {}\nlet pbx = 1; // pb\n";
        assert!(holds(rule, "services/users/src/grpc.rs", text));
        assert!(holds(rule, "services/orders/src/clients/users.rs", text));
        assert!(holds(rule, "services/gateway/src/routes.rs", text));
        assert_eq!(broken(rule, "services/gateway/src/error.rs", text), [1, 2]);
        assert_eq!(broken(rule, "services/users/src/routes.rs", text), [1, 2]);
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        let rule = open_with_a_sentence;
        assert!(holds(rule, APP, "//! The use-cases.\n"));
        assert!(holds(rule, APP, "// @generated\n"));
        assert!(holds(rule, "proto/users/v1/users.proto", "syntax = \"proto3\";\n"));
        assert_eq!(broken(rule, APP, "use std::fmt;\n//! Too late.\n"), [1]);
    }

    #[test]
    fn a_file_ends_after_three_hundred_lines() {
        assert!(holds(are_short, APP, &"\n".repeat(300)));
        assert_eq!(broken(are_short, APP, &"\n".repeat(301)), [301]);
    }
}
