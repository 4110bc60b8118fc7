//! `cargo xtask check-layers`: what must hold of the tree, one rule a line.

use crate::{finding::Finding, tree::Tree};

mod dependencies;
mod images;
mod names;
mod sources;
mod sql;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    dependencies::point_one_way,
    dependencies::shared_crates_follow_their_table,
    dependencies::the_table_lists_every_shared_crate,
    dependencies::testkit_is_for_tests,
    images::the_build_sees_every_crate,
    names::a_crate_is_called_like_its_folder,
    names::say_what_is_inside,
    names::no_module_hides_a_shared_crate,
    sources::business_knows_no_transport_nor_database,
    sources::the_contract_stays_at_the_edge,
    sources::open_with_a_sentence,
    sources::are_short,
    sql::changes_are_seen_by_cargo,
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    if findings.is_empty() {
        let (crates, files) = (tree.crates.len(), tree.sources.len());
        println!("layers: {crates} crates, {files} files, all rules hold");
    }
    findings
}
