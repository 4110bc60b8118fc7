//! The programs that are measured: of this tree, of another revision, or of a folder.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use super::{Options, Setting};
use crate::programs::{self, NAMES, Profile, Programs, target};

pub struct Build {
    pub name: String,
    pub programs: Programs,
    /// Besides those that every build has.
    pub settings: Vec<Setting>,
}

impl Build {
    /// One, or the one and the other that it is measured against.
    pub fn all(options: &Options, root: &Path) -> anyhow::Result<Vec<Self>> {
        let (name, programs) = match &options.programs {
            Some(folder) => (folder.display().to_string(), Programs::at(root, folder)?),
            None => {
                println!("building the programs as they are shipped, which takes its time");
                ("this tree".to_owned(), Programs::build(root, Profile::Dist)?)
            }
        };
        ensure!(programs.path("load").is_file(), "{} has no program `load`", programs.folder.display());
        let other = match &options.against {
            Some(other) => Some((other.clone(), against(root, other)?)),
            None if options.set_against.is_empty() => None,
            None => Some((name.clone(), Programs::at(root, &programs.folder)?)),
        };
        let one = Self::with(name, programs, options.set.clone());
        let other = other.map(|(name, programs)| {
            let settings = options.set.iter().chain(&options.set_against).cloned();
            Self::with(name, programs, settings.collect())
        });
        Ok([Some(one), other].into_iter().flatten().collect())
    }

    fn with(name: String, programs: Programs, settings: Vec<Setting>) -> Self {
        let told: Vec<_> = settings.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        Self { name: name + &told.concat(), programs, settings }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn against(root: &Path, other: &str) -> anyhow::Result<Programs> {
    let folder = Path::new(other);
    match folder.is_dir() {
        true => Programs::at(root, folder),
        false => Programs::at(root, &build_revision(root, other)?),
    }
}

/// Returns where its programs are, which are kept for the next time.
fn build_revision(root: &Path, revision: &str) -> anyhow::Result<PathBuf> {
    let commit = git(root, &["rev-parse", "--verify", "--end-of-options", &format!("{revision}^{{commit}}")])?;
    let folder = target()?.join("bench");
    let (kept, tree) = (folder.join("programs").join(&commit), folder.join("tree"));
    if NAMES.iter().all(|name| kept.join(name).is_file()) {
        return Ok(kept);
    }
    println!("building {revision}, {commit}");
    std::fs::create_dir_all(&kept)?;
    let path = tree.to_str().context("the path of the workspace is text")?;
    if tree.exists() {
        git(&tree, &["checkout", "--quiet", "--force", "--detach", &commit])?;
    } else {
        git(root, &["worktree", "add", "--quiet", "--force", "--detach", path, &commit])?;
    }
    let target = folder.join("target");
    programs::build(&tree, &target, Profile::Dist, &[])?;
    for name in NAMES {
        std::fs::copy(target.join("dist").join(name), kept.join(name)).with_context(|| format!("no program {name}"))?;
    }
    git(root, &["worktree", "remove", "--force", path])?;
    Ok(kept)
}

/// What it answers.
fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().context("git does not run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
