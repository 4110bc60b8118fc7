//! The programs that are drilled and measured: built as they are now, found where cargo puts them.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

pub struct Programs {
    /// Of the repository.
    pub root: PathBuf,
    /// Where they lie.
    pub folder: PathBuf,
}

/// How they are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Debug,
    Release,
    /// As they are shipped.
    Dist,
}

impl Profile {
    /// Of cargo's folder.
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &[],
            Self::Release => &["--release"],
            // Each program is linked for minutes: only those that are needed.
            Self::Dist => &DIST,
        }
    }
}

impl Programs {
    /// Builds the whole workspace: a part of it would be built with other features, from the start.
    ///
    /// Errors: it does not build; or Consul or NATS, which every cluster needs, is not installed.
    pub fn build(root: &Path, profile: Profile) -> anyhow::Result<Self> {
        find("consul", "version")?;
        find("nats-server", "--version")?;
        // Taken before the build, which may replace this very file.
        let target = target()?;
        build(root, &target, profile, &[])?;
        Ok(Self { root: root.to_owned(), folder: target.join(profile.name()) })
    }

    /// As somebody else has built them.
    ///
    /// Errors: one of them is not there.
    pub fn at(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        for name in NAMES {
            let program = folder.join(name);
            ensure!(program.is_file(), "{} is not there, which is one of the programs", program.display());
        }
        Ok(Self { root: root.to_owned(), folder: folder.to_owned() })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Those that a cluster consists of.
pub const NAMES: [&str; 4] = ["gateway", "users", "orders", "payments"];

/// Those, and what loads them.
const DIST: [&str; 12] = [
    "--profile",
    "dist",
    "--bin",
    "gateway",
    "--bin",
    "users",
    "--bin",
    "orders",
    "--bin",
    "payments",
    "--bin",
    "load",
];

/// Cargo's folder for what it builds of this workspace.
pub fn target() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("this program has no file")?;
    Ok(this.ancestors().nth(2).context("this program lies in TARGET/PROFILE")?.to_owned())
}

/// The whole workspace that lies in `root`, into the folder `target`, with these environment variables.
pub fn build(root: &Path, target: &Path, profile: Profile, variables: &[(&str, String)]) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--workspace"]).args(profile.arguments()).arg("--target-dir").arg(target);
    cargo.envs(variables.iter().map(|(name, value)| (name, value)));
    let status = cargo.current_dir(root).status().context("cargo build")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(())
}

fn find(program: &str, argument: &str) -> anyhow::Result<()> {
    let found = Command::new(program).arg(argument).stdout(Stdio::null()).status();
    let found = found.with_context(|| format!("a cluster needs `{program}`, and there is none on the PATH"))?;
    ensure!(found.success(), "`{program} {argument}`: {found}");
    Ok(())
}
