//! Has the compiler expand a crate's queries against a live database.

use std::{
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::ensure;

use super::Owner;

/// The macros of sqlx write what the database answers to `answers`, one file per query.
pub fn queries(root: &Path, owner: &Owner, database: &str, answers: &Path) -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .args(["check", "--quiet"])
        .args(owner.target())
        .args(["--config", &never_built_before(&owner.name)?])
        // What is compiled once and never again only takes space in an incremental cache.
        .env("CARGO_INCREMENTAL", "0")
        .env("DATABASE_URL", database)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", answers)
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "cargo check: {status}");
    Ok(())
}

/// Cargo does not know that a macro asks a database, and would take the last answer for good. A profile
/// that it has never seen makes it expand this one crate again, and leaves every other result valid.
fn never_built_before(name: &str) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(format!("profile.dev.package.{name}.codegen-units={now}"))
}
