//! The folder of one server: its lock, its password, its log, and the cluster's files or a link to them.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{account::Account, binaries::major_version};
use crate::Error;

/// For files of another account, when the folder they should be in is closed to it. Only root needs it, who may make
/// it; a temporary folder would be swept some day.
const OPEN_TO_ALL: &str = "/var/lib/joist";

/// A directory that this process, and nobody else, runs a server in.
pub struct Directory {
    /// Canonical.
    pub path: PathBuf,
    /// Canonical: the folder that the account owns and `data` is in.
    pub cluster: PathBuf,
    pub account: Account,
    pub is_temporary: bool,
    /// Held, never read.
    lock: File,
}

impl Directory {
    /// Takes a directory of kept data, creating it if need be.
    pub fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(Error::io("create", path))?;
        let account = Account::choose_for(&path.join("cluster/data"))?;
        Self::take(path, account, false)
    }

    /// Creates a directory that goes when the server goes.
    pub fn temporary(account: Account) -> Result<Self, Error> {
        let temp = env::temp_dir();
        let parent = if account.can_change(&temp) { temp } else { open_to_all()? };
        let path = parent.join(random_name());
        create_private(&path).and_then(|()| account.own_folder(&path)).map_err(Error::io("create", &path))?;
        Self::take(&path, account, true).inspect_err(|_| drop(fs::remove_dir_all(&path)))
    }

    fn take(path: &Path, account: Account, is_temporary: bool) -> Result<Self, Error> {
        let path = fs::canonicalize(path).map_err(Error::io("find", path))?;
        let lock = lock(&path)?;
        let cluster = find_or_create_cluster(&path, &account)?;
        Ok(Self { path, cluster, account, is_temporary, lock })
    }

    /// Removes it with all that is in it, or that a link in it leads to.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_dir_all(&self.cluster).map_err(Error::io("remove", &self.cluster))?;
        fs::remove_dir_all(&self.path).map_err(Error::io("remove", &self.path))
    }

    /// PostgreSQL's data directory; it exists once it is complete.
    pub fn data(&self) -> PathBuf {
        self.cluster.join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// What the watchdog removes in the end.
    pub fn to_remove(&self) -> &Path {
        if self.is_temporary { &self.path } else { Path::new("") }
    }

    /// The major version that wrote the data, if there are any.
    pub fn data_version(&self) -> Option<u32> {
        let version = fs::read_to_string(self.data().join("PG_VERSION")).ok()?;
        major_version(&version)
    }

    /// The superuser's password: that of the data, or a new one, left in the cluster's folder for `initdb`.
    pub fn password(&self) -> Result<String, Error> {
        let kept = self.path.join("password");
        // Data that cannot be looked at are not absent: their password must stay.
        if self.data().try_exists().map_err(Error::io("look at", &self.cluster))? {
            return fs::read_to_string(&kept).map_err(Error::io("read", &kept));
        }
        let password = random_text();
        let for_initdb = self.cluster.join("password");
        write_private(&kept, &password).map_err(Error::io("write", &kept))?;
        write_private(&for_initdb, &password)
            .and_then(|file| self.account.own_file(&file))
            .map_err(Error::io("write", &for_initdb))?;
        Ok(password)
    }
}

/// For a server that never ran; otherwise the watchdog has done it.
impl Drop for Directory {
    fn drop(&mut self) {
        if self.is_temporary {
            // Nothing is left to be done about a failure, and it is usually that nothing is there.
            let _ = fs::remove_dir_all(&self.path);
        }
        // To close the file is not enough: another thread may be starting a program, which has a copy of it for a moment.
        let _ = self.lock.unlock();
    }
}

/// Locks the folder itself, so that no file is left to say so.
fn lock(directory: &Path) -> Result<File, Error> {
    let file = File::open(directory).map_err(Error::io("open", directory))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.to_owned())),
        Err(TryLockError::Error(cause)) => Err(Error::io("lock", directory)(cause)),
    }
}

fn find_or_create_cluster(directory: &Path, account: &Account) -> Result<PathBuf, Error> {
    let path = directory.join("cluster");
    if fs::symlink_metadata(&path).is_err() {
        create_cluster(&path, account.can_enter(directory))?;
    }
    let cluster = fs::canonicalize(&path).map_err(Error::io("find the data of", &path))?;
    // Each time, since a crash may have come between creating it and this.
    account.own_folder(&cluster).map_err(Error::io("change the owner of", &cluster))?;
    Ok(cluster)
}

fn create_cluster(path: &Path, is_open: bool) -> Result<(), Error> {
    if is_open {
        return create_private(path).map_err(Error::io("create", path));
    }
    let elsewhere = open_to_all()?.join(random_name());
    create_private(&elsewhere).and_then(|()| symlink(&elsewhere, path)).map_err(Error::io("create", path))
}

fn open_to_all() -> Result<PathBuf, Error> {
    let folder = PathBuf::from(OPEN_TO_ALL);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    Ok(folder)
}

/// Fails if the folder exists, which in a shared place is somebody's trap.
fn create_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// Always a new file, because in a folder of another account a link could lead anywhere.
fn write_private(path: &Path, text: &str) -> io::Result<File> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn random_name() -> String {
    format!("joist-postgres-{}", random_text())
}

/// 122 bits of the operating system's randomness.
fn random_text() -> String {
    Uuid::new_v4().simple().to_string()
}
