//! What is kept between two runs: the databases, and the secret that seals the signing keys in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use postgres_server::PostgresServer;
use settings::Secret;
use uuid::Uuid;

/// A folder that this process alone uses.
pub struct Data {
    folder: PathBuf,
    /// Held, and gone with the process however it ends.
    _lock: File,
}

impl Data {
    /// Errors: another process uses the folder, or it cannot be written.
    pub fn open(folder: &Path, fresh: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        // The folder itself is locked, so that no file is left to say so.
        let lock = File::open(folder).with_context(|| format!("{} cannot be used", folder.display()))?;
        if lock.try_lock().is_err() {
            bail!("{} is used by another `cargo up`: stop that one, or choose another with --data", folder.display());
        }
        let data = Self { folder: folder.to_owned(), _lock: lock };
        if fresh {
            PostgresServer::remove(&data.postgres())?;
            remove(&data.secret())?;
        }
        Ok(data)
    }

    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The secret that seals the signing keys: made once, readable by the owner only.
    pub fn key_secret(&self) -> anyhow::Result<Secret> {
        let path = self.secret();
        match fs::read_to_string(&path) {
            Ok(secret) => Ok(secret.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = random();
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                file.write_all(secret.expose().as_bytes())?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn secret(&self) -> PathBuf {
        self.folder.join("key-secret")
    }
}

/// 244 random bits of the operating system.
pub fn random() -> Secret {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into()
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
}
