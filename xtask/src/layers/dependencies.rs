//! Rules on who depends on whom: one way, down from `deploy/local` to the services to `proto` and `shared`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    finding::Finding,
    tree::{Crate, Dependency, Layer, Tree},
};

const TABLE: &str = "shared/README.md";

pub fn point_one_way(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, _, to) in edges(tree) {
        if let Some(why) = objection(from.layer(), to.layer()) {
            findings.push(refuse(from, to, why));
        }
    }
    findings
}

fn objection(from: Layer, to: Layer) -> Option<&'static str> {
    match (from, to) {
        (_, Layer::Local | Layer::Tool) => Some("nothing is built on it"),
        (Layer::Local, _) => None,
        (Layer::Proto, _) => Some("contracts stand alone"),
        (_, Layer::Service) => Some("only deploy/local puts services together"),
        (Layer::Shared, Layer::Proto) => Some("shared crates have no word of the business"),
        (Layer::Service | Layer::Shared | Layer::Tool, Layer::Proto | Layer::Shared) => None,
    }
}

pub fn shared_crates_follow_their_table(tree: &Tree) -> Vec<Finding> {
    let table = read_table(&tree.shared_table);
    let may_use = |from: &str, to| table.get(from).is_some_and(|row| row.may_use.contains(&to));
    let mut findings = Vec::new();
    for (from, _, to) in edges(tree).filter(|(_, _, to)| to.name != "testkit") {
        let is_shared = from.layer() == Layer::Shared && to.layer() == Layer::Shared;
        if is_shared && !may_use(&from.name, to.name.as_str()) {
            findings.push(refuse(from, to, "shared/README.md does not allow it"));
        }
    }
    findings
}

pub fn the_table_lists_every_shared_crate(tree: &Tree) -> Vec<Finding> {
    let table = read_table(&tree.shared_table);
    let shared = tree.crates.iter().filter(|it| it.layer() == Layer::Shared);
    let mut missing: BTreeSet<_> = shared.map(|it| it.name.as_str()).collect();
    let mut findings = Vec::new();
    for (name, row) in &table {
        if !missing.remove(name) {
            let message = format!("there is no crate `{name}`");
            findings.push(Finding::new(TABLE, row.line, message));
        }
    }
    for name in missing {
        let message = format!("`{name}` has no line in the table");
        findings.push(Finding::new(TABLE, 1, message));
    }
    findings
}

pub fn testkit_is_for_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, dependency, to) in edges(tree) {
        if to.name == "testkit" && !dependency.only_in_tests {
            findings.push(refuse(from, to, "it belongs under [dev-dependencies]"));
        }
    }
    findings
}

/// Every dependency between crates of the workspace: who, how, on whom.
fn edges(tree: &Tree) -> impl Iterator<Item = (&Crate, &Dependency, &Crate)> {
    tree.crates.iter().flat_map(move |from| {
        from.dependencies.iter().filter_map(move |dependency| {
            let to = tree.crates.iter().find(|it| it.name == dependency.name)?;
            Some((from, dependency, to))
        })
    })
}

fn refuse(from: &Crate, to: &Crate, why: &str) -> Finding {
    let message = format!("{} must not depend on {}: {why}", from.name, to.name);
    Finding::new(&from.manifest_path(), from.line_of(&to.name), message)
}

struct Row<'a> {
    line: usize,
    may_use: Vec<&'a str>,
}

/// Reads lines such as ``| `rpc` | `settings`, `lifecycle` | … |``; whatever else is there is prose.
fn read_table(text: &str) -> BTreeMap<&str, Row<'_>> {
    let mut table = BTreeMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut cells = text.split('|').skip(1).map(in_backticks);
        if let (Some(names), Some(may_use)) = (cells.next(), cells.next())
            && let [name] = names[..]
        {
            table.insert(name, Row { line, may_use });
        }
    }
    table
}

fn in_backticks(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "\
| crate | may use | changes with |
| --- | --- | --- |
| `rpc` | `settings` | the way of calling |
| `settings` | – | the way of configuring |
| `testkit` | – | the way of testing |
";

    /// A tree of crates from lines such as `services/users: proto testkit(dev)`.
    fn tree<const N: usize>(crates: [&str; N]) -> Tree {
        let crates = crates.map(|line| {
            let (folder, dependencies) = line.split_once(':').unwrap();
            let dependencies = dependencies.split_whitespace();
            Crate {
                name: folder.rsplit('/').next().unwrap().to_owned(),
                folder: folder.to_owned(),
                manifest: dependencies.clone().map(|it| format!("{it} =\n")).collect(),
                dependencies: dependencies.map(dependency).collect(),
            }
        });
        Tree { crates: crates.into(), shared_table: README.to_owned(), ..Tree::default() }
    }

    fn dependency(text: &str) -> Dependency {
        let for_tests = text.strip_suffix("(dev)");
        Dependency { name: for_tests.unwrap_or(text).to_owned(), only_in_tests: for_tests.is_some() }
    }

    fn broken(rule: fn(&Tree) -> Vec<Finding>, tree: &Tree) -> Vec<String> {
        rule(tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_service_uses_the_contracts_and_shared_crates() {
        let good =
            tree(["proto:", "shared/rpc:", "services/users: proto rpc", "deploy/local: users rpc", "xtask: rpc"]);
        assert!(point_one_way(&good).is_empty());
    }

    #[test]
    fn a_service_uses_no_other_service() {
        let bad = tree(["services/users:", "services/orders: proto users"]);
        let finding = "services/orders/Cargo.toml:2: orders must not depend on users: \
                       only deploy/local puts services together";
        assert_eq!(broken(point_one_way, &bad), [finding]);
    }

    #[test]
    fn nothing_points_up() {
        let bad = tree([
            "services/users: local xtask",
            "shared/rpc: users proto",
            "proto: rpc",
            "deploy/local:",
            "xtask: users",
        ]);
        assert_eq!(point_one_way(&bad).len(), 6);
    }

    #[test]
    fn a_shared_crate_uses_what_its_line_allows() {
        let good = tree(["shared/rpc: settings testkit(dev)", "shared/settings:", "shared/testkit:"]);
        assert!(shared_crates_follow_their_table(&good).is_empty());
        assert!(the_table_lists_every_shared_crate(&good).is_empty());
    }

    #[test]
    fn a_shared_crate_uses_no_other_shared_crate() {
        let bad = tree(["shared/rpc:", "shared/settings: rpc"]);
        let finding = "shared/settings/Cargo.toml:1: settings must not depend on rpc: \
                       shared/README.md does not allow it";
        assert_eq!(broken(shared_crates_follow_their_table, &bad), [finding]);
    }

    #[test]
    fn the_table_is_neither_short_nor_stale() {
        let bad = tree(["shared/rpc:", "shared/settings:", "shared/events:"]);
        let missing = "shared/README.md:1: `events` has no line in the table";
        let departed = "shared/README.md:5: there is no crate `testkit`";
        assert_eq!(broken(the_table_lists_every_shared_crate, &bad), [departed, missing]);
    }

    #[test]
    fn testkit_stays_out_of_what_ships() {
        let good = tree(["shared/testkit:", "services/users: testkit(dev)"]);
        assert!(testkit_is_for_tests(&good).is_empty());
        let bad = tree(["shared/testkit:", "services/users: testkit"]);
        let finding = "services/users/Cargo.toml:1: users must not depend on testkit: \
                       it belongs under [dev-dependencies]";
        assert_eq!(broken(testkit_is_for_tests, &bad), [finding]);
    }
}
