//! A rule on the SQL that macros read while a crate is compiled. Cargo sees neither a migration that is added nor a changed
//! statement that returns nothing, and would go on with the old program.

use crate::{
    finding::Finding,
    tree::{Source, Tree},
};

pub fn changes_are_seen_by_cargo(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(|source| unseen(tree, source)).collect()
}

fn unseen(tree: &Tree, source: &Source) -> Vec<Finding> {
    let Some((folder, _)) = source.path.split_once("/src/") else { return Vec::new() };
    let script = format!("{folder}/build.rs");
    let watches = tree.sources.iter().find(|it| it.path == script).map_or("", |it| &it.text);
    let is_unseen = |path: &&str| !watches.contains(&format!("\"cargo::rerun-if-changed={path}\""));
    let read = source.code().flat_map(|(line, code)| sql_of(code).map(move |path| (line, path)));
    read.filter(|(_, path)| is_unseen(path))
        .map(|(line, path)| Finding::new(&source.path, line, format!("{script} does not watch `{path}`")))
        .collect()
}

/// The file or folder that a line has a macro read.
fn sql_of(code: &str) -> Option<&str> {
    if code.ends_with("sqlx::migrate!();") {
        return Some("migrations");
    }
    code.split('"').find(|it| it.starts_with("src/") && it.ends_with(".sql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(script: &str, code: &str) -> Vec<String> {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let sources = vec![source("services/a/build.rs", script), source("services/a/src/store/b.rs", code)];
        changes_are_seen_by_cargo(&Tree { sources, ..Tree::default() }).iter().map(Finding::to_string).collect()
    }

    const CODE: &str = "static M: Migrator = sqlx::migrate!();\nquery_file!(\n    \"src/store/b.sql\",\n    id)\n";

    #[test]
    fn what_the_build_script_names_is_seen() {
        let script =
            "println!(\"cargo::rerun-if-changed=migrations\");\nprintln!(\"cargo::rerun-if-changed=src/store/b.sql\");";
        assert!(broken(script, CODE).is_empty());
        assert!(broken("", "query!(\"select 1\")").is_empty());
    }

    #[test]
    fn what_it_does_not_name_is_found() {
        let expected = [
            "services/a/src/store/b.rs:1: services/a/build.rs does not watch `migrations`",
            "services/a/src/store/b.rs:3: services/a/build.rs does not watch `src/store/b.sql`",
        ];
        assert_eq!(broken("println!(\"cargo::rerun-if-changed=src/store/b.sql.bak\");", CODE), expected);
    }
}
