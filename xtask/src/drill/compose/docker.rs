//! Docker's command line: what a command prints, or what it complains about.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::patience::within;

/// The longest is the rolling update, which waits for eight containers in turn.
const LIMIT: Duration = Duration::from_secs(240);

pub struct Docker {
    /// Where docker-compose.yml is.
    folder: PathBuf,
}

impl Docker {
    /// Errors: there is no `docker`, or its engine does not answer.
    pub async fn found(folder: &Path) -> anyhow::Result<Self> {
        let docker = Self { folder: folder.to_owned() };
        docker.run(&["version", "--format", "{{.Server.Version}}"]).await.context("this drill needs Docker")?;
        Ok(docker)
    }

    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.output("docker", arguments).await
    }

    pub async fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        // Of what it does, only what goes wrong.
        self.run(&[&["compose", "--progress", "quiet"], arguments].concat()).await
    }

    /// A script of the repository.
    pub async fn script(&self, path: &str) -> anyhow::Result<String> {
        self.output("bash", &[path]).await
    }

    /// Errors: it does not start, it fails, or it does not end.
    async fn output(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let command = format!("`{program} {}`", arguments.join(" "));
        let running = Command::new(program).args(arguments).current_dir(&self.folder).kill_on_drop(true).output();
        let ended = within(LIMIT, async { Ok(running.await?) }).await.context(command.clone())?;
        let complaint = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "{command}: {}: {}", ended.status, complaint.trim());
        Ok(String::from_utf8(ended.stdout)?)
    }
}
