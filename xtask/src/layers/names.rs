//! Rules on names: a crate, a folder, a file or a module is called after what is in it.

use std::path::Path;

use crate::{
    finding::Finding,
    tree::{Layer, Source, Tree},
};

/// Names under which anything fits.
const DRAWERS: &[&str] = &["base", "common", "core", "helper", "helpers", "misc", "prelude", "types", "util", "utils"];

pub fn a_crate_is_called_like_its_folder(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for it in &tree.crates {
        if !Path::new(&it.folder).ends_with(&it.name) {
            let message = format!("the crate {} is not called like its folder", it.name);
            findings.push(Finding::new(&it.manifest_path(), it.line_of("name"), message));
        }
    }
    findings
}

pub fn say_what_is_inside(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let parts_of_the_path = source.path.split('/').map(|part| (1, stem(part)));
        let names = parts_of_the_path.chain(modules(source));
        for (line, name) in names.filter(|(_, name)| DRAWERS.contains(name)) {
            let message = format!("anything fits under the name `{name}`: say what is inside");
            findings.push(Finding::new(&source.path, line, message));
        }
    }
    findings
}

pub fn no_module_hides_a_shared_crate(tree: &Tree) -> Vec<Finding> {
    let shared = tree.crates.iter().filter(|it| it.layer() == Layer::Shared);
    let shared: Vec<_> = shared.map(|it| it.name.replace('-', "_")).collect();
    let mut findings = Vec::new();
    for source in &tree.sources {
        for (line, name) in modules(source).filter(|(_, name)| shared.iter().any(|it| it == name)) {
            let message = format!("`mod {name}` hides the shared crate of that name");
            findings.push(Finding::new(&source.path, line, message));
        }
    }
    findings
}

fn stem(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

/// The modules that a file declares, and where.
fn modules(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.code().filter_map(|(line, code)| {
        let (before, after) = code.trim_start().split_once("mod ")?;
        let declares = before.is_empty() || before.starts_with("pub");
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        declares.then(|| (line, &after[..end.unwrap_or(after.len())]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Crate;

    fn shared_crate(name: &str, folder: &str) -> Tree {
        let only = Crate {
            name: name.to_owned(),
            folder: folder.to_owned(),
            manifest: format!("[package]\nname = \"{name}\"\n"),
            dependencies: Vec::new(),
        };
        Tree { crates: vec![only], ..Tree::default() }
    }

    /// A file beside the shared crate `postgres-server`.
    fn file(path: &str, text: &str) -> Tree {
        let (path, text) = (path.to_owned(), text.to_owned());
        let beside = shared_crate("postgres-server", "shared/postgres-server");
        Tree { sources: vec![Source { path, text }], ..beside }
    }

    fn lines(findings: Vec<Finding>) -> Vec<usize> {
        findings.iter().map(|it| it.line).collect()
    }

    #[test]
    fn a_crate_has_the_name_of_its_folder() {
        let good = shared_crate("rpc", "shared/rpc");
        assert!(a_crate_is_called_like_its_folder(&good).is_empty());
        let bad = shared_crate("joist-rpc", "shared/rpc");
        assert_eq!(lines(a_crate_is_called_like_its_folder(&bad)), [2]);
    }

    #[test]
    fn a_name_that_says_something_is_welcome() {
        let good = file("shared/rpc/src/deadline.rs", "mod retry;\n// mod utils;\n");
        assert!(say_what_is_inside(&good).is_empty());
    }

    #[test]
    fn a_drawer_is_found_as_file_folder_and_module() {
        let a_file = file("shared/rpc/src/util.rs", "");
        assert_eq!(lines(say_what_is_inside(&a_file)), [1]);
        let a_folder = file("proto/types/v1/money.proto", "");
        assert_eq!(lines(say_what_is_inside(&a_folder)), [1]);
        let a_module = file("shared/rpc/src/lib.rs", "\npub(crate) mod helpers {}\n");
        assert_eq!(lines(say_what_is_inside(&a_module)), [2]);
    }

    #[test]
    fn a_module_leaves_the_names_of_shared_crates_alone() {
        let good = file("services/users/src/lib.rs", "mod store;\nmod postgres;\n");
        assert!(no_module_hides_a_shared_crate(&good).is_empty());
        let bad = file("services/users/src/lib.rs", "mod store;\nmod postgres_server;\n");
        assert_eq!(lines(no_module_hides_a_shared_crate(&bad)), [2]);
    }
}
