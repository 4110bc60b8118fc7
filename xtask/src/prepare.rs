//! `cargo xtask prepare`: asks freshly migrated databases what every query means, for builds that have none.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use postgres_server::PostgresServer;

use self::queries::Queries;
use crate::finding::Finding;

mod expand;
mod migrate;
mod queries;

/// A crate that has migrations, and so queries.
struct Owner {
    name: String,
    /// From the root.
    folder: String,
    kind: Kind,
}

/// The schema of a shared crate has its name, and is in the database of every service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shared,
    Service,
}

pub fn run(root: &Path, check: bool) -> anyhow::Result<Vec<Finding>> {
    let server = PostgresServer::temporary()?;
    let shared = owners(root, "shared", Kind::Shared)?;
    let services = owners(root, "services", Kind::Service)?;
    let mut findings = Vec::new();
    let mut of_others = Queries::default();
    for owner in shared.iter().chain(&services) {
        let asked = ask(root, owner, &shared, &server).with_context(|| format!("preparing {}", owner.name))?;
        // The compiler may have had to expand what a service depends on.
        let asked = asked.without(&of_others);
        let folder = owner.kept(root);
        let kept = Queries::read(&folder)?;
        if check {
            findings.extend(kept.differences(&asked, &owner.folder));
        } else {
            asked.replace(&kept, &folder)?;
        }
        println!("prepare: {}, {} queries", owner.name, asked.len());
        if owner.kind == Kind::Shared {
            of_others.extend(asked);
        }
    }
    Ok(findings)
}

fn ask(root: &Path, owner: &Owner, shared: &[Owner], server: &PostgresServer) -> anyhow::Result<Queries> {
    let database = migrate::new_database(root, server, owner, shared)?;
    let answers = root.join("target/prepare").join(&owner.name);
    if answers.exists() {
        fs::remove_dir_all(&answers)?;
    }
    fs::create_dir_all(&answers)?;
    expand::queries(root, owner, &database, &answers)?;
    Queries::read(&answers)
}

fn owners(root: &Path, folder: &str, kind: Kind) -> anyhow::Result<Vec<Owner>> {
    let mut owners = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("migrations").is_dir() {
            owners.push(Owner { folder: format!("{folder}/{name}"), name, kind });
        }
    }
    owners.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(owners)
}

impl Owner {
    /// Where the macros of sqlx look for metadata when they may not ask a database.
    fn kept(&self, root: &Path) -> PathBuf {
        root.join(&self.folder).join(".sqlx")
    }

    /// What is built to have its queries expanded, and little more. Never `--package`: features are resolved for the
    /// whole workspace, so that nothing is checked twice. A shared crate has no program, but a test of its name.
    fn target(&self) -> [&str; 2] {
        match self.kind {
            Kind::Shared => ["--test", &self.name],
            Kind::Service => ["--bin", &self.name],
        }
    }
}
