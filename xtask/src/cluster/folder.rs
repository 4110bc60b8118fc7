//! A folder for the logs and the data of one drill.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use postgres_server::PostgresServer;
use uuid::Uuid;

/// Gone with the drill, unless it is kept.
pub struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    /// Does something in a new one. Where that fails it is kept, and it is told where.
    pub async fn with<T>(work: impl AsyncFnOnce(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut folder = Self::create()?;
        let outcome = work(&folder).await;
        if outcome.is_err() {
            folder.is_kept = true;
            println!("logs: {}", folder.path.display());
        }
        outcome
    }

    fn create() -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("joist-drill-{}", Uuid::now_v7()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, is_kept: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // It knows where else it may have put its data. What cannot be removed is in the temp folder still.
            let _ = PostgresServer::remove(&self.postgres());
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
