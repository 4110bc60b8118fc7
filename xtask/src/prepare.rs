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

struct Service {
    name: String,
    folder: PathBuf,
}

pub fn run(root: &Path, check: bool) -> anyhow::Result<Vec<Finding>> {
    let server = PostgresServer::temporary()?;
    let mut findings = Vec::new();
    for service in services_with_migrations(root)? {
        let asked = ask(root, &service, &server).with_context(|| format!("preparing {}", service.name))?;
        let kept = Queries::read(&service.kept())?;
        if check {
            findings.extend(kept.differences(&asked, &service.name));
        } else {
            asked.replace(&kept, &service.kept())?;
        }
        println!("prepare: {}, {} queries", service.name, asked.len());
    }
    Ok(findings)
}

fn ask(root: &Path, service: &Service, server: &PostgresServer) -> anyhow::Result<Queries> {
    let database = migrate::new_database(server, service)?;
    let answers = root.join("target/prepare").join(&service.name);
    if answers.exists() {
        fs::remove_dir_all(&answers)?;
    }
    fs::create_dir_all(&answers)?;
    expand::queries(root, service, &database, &answers)?;
    Queries::read(&answers)
}

fn services_with_migrations(root: &Path) -> anyhow::Result<Vec<Service>> {
    let mut services = Vec::new();
    for entry in fs::read_dir(root.join("services"))? {
        let entry = entry?;
        let (name, folder) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if folder.join("migrations").is_dir() {
            services.push(Service { name, folder });
        }
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(services)
}

impl Service {
    /// Where the macros of sqlx look for metadata when they may not ask a database.
    fn kept(&self) -> PathBuf {
        self.folder.join(".sqlx")
    }
}
