//! The chores of this repository that need code: `cargo xtask <verb>`.
#![expect(clippy::print_stdout, reason = "a command-line tool answers on stdout")]

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use clap::Parser;

use crate::{finding::Finding, tree::Tree};

mod bench;
mod bolt;
mod certs;
mod cluster;
mod drill;
mod figures;
mod finding;
mod layers;
mod patience;
mod prepare;
mod processes;
mod programs;
mod tree;

/// Chores of the Joist repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Verb {
    /// Measure the programs of a build, or of two in turns: what a call costs, and what it is made of
    Bench(bench::Options),
    /// Lay out the code of the shipped programs as a load goes through it, so that what is used lies together
    Bolt(bolt::Options),
    /// Make certificates for development: an authority, one for each service, one for the public port
    Certs(certs::Options),
    /// Prove the rules of layers and names that the compiler does not know
    CheckLayers,
    /// Break a running system on purpose, and count what its clients notice
    Drill(drill::Options),
    /// Renew the query metadata, `.sqlx` beside each crate that has SQL, from freshly migrated databases
    Prepare {
        /// Change nothing; fail where the metadata is not what the databases say
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder xtask lies in the workspace")?;
    let findings = match Verb::parse() {
        Verb::Bench(options) => return bench::run(root, &options).map(|()| ExitCode::SUCCESS),
        Verb::Bolt(options) => return bolt::run(root, &options).map(|()| ExitCode::SUCCESS),
        Verb::Certs(options) => return certs::run(root, &options).map(|()| ExitCode::SUCCESS),
        Verb::CheckLayers => layers::check(&Tree::read(root)?),
        Verb::Drill(options) => return drill::run(root, &options),
        Verb::Prepare { check } => prepare::run(root, check)?,
    };
    Ok(report(&findings))
}

fn report(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    ExitCode::from(u8::from(!findings.is_empty()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_two_options_of_a_verb_are_in_each_others_way() {
        Verb::command().debug_assert();
    }
}
