//! The programs that are drilled: built as they are now, found where cargo puts them.

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

impl Programs {
    /// Builds the whole workspace: a part of it would be built with other features, from the start.
    ///
    /// Errors: it does not build; or Consul or NATS, which every drill needs, is not installed.
    pub fn build(root: &Path, release: bool) -> anyhow::Result<Self> {
        find("consul", "version")?;
        find("nats-server", "--version")?;
        let (profile, arguments) = match release {
            true => ("release", &["build", "--quiet", "--workspace", "--release"][..]),
            false => ("debug", &["build", "--quiet", "--workspace"][..]),
        };
        // Taken before the build, which may replace this very file.
        let this = env::current_exe().context("this program has no file")?;
        let target = this.ancestors().nth(2).context("this program lies in TARGET/PROFILE")?;
        let status = Command::new("cargo").args(arguments).current_dir(root).status().context("cargo build")?;
        ensure!(status.success(), "cargo build: {status}");
        Ok(Self { root: root.to_owned(), folder: target.join(profile) })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn find(program: &str, argument: &str) -> anyhow::Result<()> {
    let found = Command::new(program).arg(argument).stdout(Stdio::null()).status();
    let found = found.with_context(|| format!("every drill needs `{program}`, and there is none on the PATH"))?;
    ensure!(found.success(), "`{program} {argument}`: {found}");
    Ok(())
}
