//! A rule on what the images are built from: Cargo plans nothing where the manifest of a member is missing.

use crate::{finding::Finding, tree::Tree};

const IGNORED: &str = ".dockerignore";

pub fn the_build_sees_every_crate(tree: &Tree) -> Vec<Finding> {
    let lets_in: Vec<_> = tree.docker_ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let is_seen = |folder: &str| lets_in.iter().any(|path| holds(path, folder));
    let unseen = tree.crates.iter().filter(|it| !is_seen(&it.folder));
    unseen
        .map(|it| Finding::new(IGNORED, 1, format!("it keeps out `{}`, a member of the workspace", it.folder)))
        .collect()
}

fn holds(path: &str, folder: &str) -> bool {
    folder.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Crate;

    fn broken(folder: &str) -> Vec<String> {
        let (name, folder) = ("it".to_owned(), folder.to_owned());
        let crates = vec![Crate { name, folder, manifest: String::new(), dependencies: Vec::new() }];
        let docker_ignore = "*\n!services\n!deploy/local\n**/tests\n".to_owned();
        let tree = Tree { crates, docker_ignore, ..Tree::default() };
        the_build_sees_every_crate(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_crate_is_let_in_by_its_folder_or_the_one_above() {
        assert!(broken("deploy/local").is_empty());
        assert!(broken("services/users").is_empty());
    }

    #[test]
    fn a_crate_that_is_kept_out_is_found() {
        assert_eq!(broken("load-tests"), [".dockerignore:1: it keeps out `load-tests`, a member of the workspace"]);
        assert_eq!(broken("services-of-others").len(), 1);
    }
}
