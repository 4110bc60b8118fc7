//! Where PostgreSQL's programs are: named by `PG_BIN`, installed, or downloaded.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{account::Account, directory::Directory, download};
use crate::Error;

/// The oldest version that is still maintained.
const OLDEST: u32 = 14;

/// Where packages put a folder per version: its parent, and how its name begins.
const PLACES: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", ""),         // Debian, Ubuntu
    ("/usr", "pgsql-"),                  // postgresql.org's packages for Red Hat
    ("/opt/homebrew/opt", "postgresql"), // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql"),    // Homebrew on Intel
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// A folder with `initdb` and `postgres` that the account can run.
pub struct Binaries {
    pub folder: PathBuf,
    version: u32,
}

impl Binaries {
    /// For new data: the first there are.
    pub fn find(account: &Account) -> Result<Self, Error> {
        Self::installed(account)?.next().map_or_else(|| Self::downloaded(account), Ok)
    }

    /// For data that may exist: the first of the version that wrote them.
    pub fn find_for(directory: &Directory) -> Result<Self, Error> {
        let account = &directory.account;
        let Some(version) = directory.data_version() else {
            return Self::find(account);
        };
        match Self::installed(account)?.find(|binaries| binaries.version == version) {
            Some(binaries) => Ok(binaries),
            None if version == download::MAJOR => Self::downloaded(account),
            None => Err(Error::Version { directory: directory.path.clone(), version }),
        }
    }

    /// What `PG_BIN` names, then what is found; looked at only as far as they are asked for.
    fn installed(account: &Account) -> Result<impl Iterator<Item = Self>, Error> {
        let named = match env::var_os("PG_BIN").filter(|folder| !folder.is_empty()) {
            Some(folder) => Some(Self::named(Path::new(&folder), account)?),
            None => None,
        };
        let found = folders(account).into_iter().filter_map(|folder| Self::at(&folder, account));
        Ok(named.into_iter().chain(found))
    }

    fn named(folder: &Path, account: &Account) -> Result<Self, Error> {
        Self::at(folder, account).ok_or_else(|| Error::PgBin(folder.to_owned()))
    }

    fn downloaded(account: &Account) -> Result<Self, Error> {
        let folder = download::install(account)?;
        Self::at(&folder, account).ok_or_else(|| Error::Download {
            reason: format!("the programs in `{}` do not run here", folder.display()),
        })
    }

    fn at(folder: &Path, account: &Account) -> Option<Self> {
        let folder = fs::canonicalize(folder).ok()?;
        if !folder.join("initdb").is_file() {
            return None;
        }
        // Run, not looked at: it may be closed to the account, or built for another machine.
        let answer = account.command(&folder.join("postgres")).arg("--version").stderr(Stdio::null()).output().ok()?;
        let version = major_version(&String::from_utf8_lossy(&answer.stdout))?;
        (version >= OLDEST).then_some(Self { folder, version })
    }
}

/// The folders where PostgreSQL may be, likeliest first, newest first.
fn folders(account: &Account) -> Vec<PathBuf> {
    let places = PLACES.map(|(parent, prefix)| (PathBuf::from(parent), prefix));
    let downloads = download::cache(account).map(|cache| (cache, "postgresql-"));
    let places = places.into_iter().chain(downloads);
    in_path().into_iter().chain(places.flat_map(|(parent, prefix)| newest_first(&parent, prefix))).collect()
}

/// Folders of `PATH` with a `postgres`, each after the one that its link leads to: Debian's `initdb` is only there.
fn in_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter_map(|folder| {
            let target = fs::canonicalize(folder.join("postgres")).ok()?;
            Some([target.parent()?.to_owned(), folder])
        })
        .flatten()
        .collect()
}

/// The `bin` folders of the versions in `parent` whose names begin with `prefix`.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut versions: Vec<_> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    versions.sort_by_key(|name| Reverse(numbers(name)));
    versions.iter().map(|name| parent.join(name).join("bin")).collect()
}

/// Every number in a text: `postgresql-17.10.0` is newer than `postgresql-17.9.0`.
fn numbers(text: &str) -> Vec<u32> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The major version in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`, or in `PG_VERSION`.
pub fn major_version(text: &str) -> Option<u32> {
    numbers(text).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_as_each_package_writes_it() {
        let debian = "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)";
        assert_eq!(major_version(debian), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("17\n"), Some(17));
        assert_eq!(major_version("no such program"), None);
    }

    #[test]
    fn the_newest_version_comes_first() {
        let mut names = ["postgresql", "postgresql@9.6", "postgresql@17", "postgresql@16"];
        names.sort_by_key(|name| Reverse(numbers(name)));
        assert_eq!(names, ["postgresql@17", "postgresql@16", "postgresql@9.6", "postgresql"]);
    }

    #[test]
    fn a_named_folder_without_the_programs_is_refused() {
        let account = Account::choose().unwrap();
        let refused = Binaries::named(Path::new("/nowhere"), &account).err().unwrap();
        assert!(refused.to_string().contains("PG_BIN is `/nowhere`"));
    }
}
