//! Who the server runs as: the caller, or, because PostgreSQL refuses root, somebody else.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, fchown, lchown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use crate::Error;

/// In the order of preference: the first comes with an installed PostgreSQL.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// The user that runs PostgreSQL's programs and owns a cluster's files.
pub struct Account {
    /// User and group to step down to; `None` is the caller.
    stand_in: Option<(u32, u32)>,
}

impl Account {
    /// For new data.
    pub fn choose() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { stand_in: None });
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let stand_in = STAND_INS.iter().find_map(|name| find_user(&users, name));
        stand_in.map(|ids| Self { stand_in: Some(ids) }).ok_or(Error::NoAccount)
    }

    /// For data that may exist: then root steps down to their owner, since PostgreSQL wants data of its own user.
    pub fn choose_for(data: &Path) -> Result<Self, Error> {
        let chosen = Self::choose()?;
        let owner = fs::metadata(data).ok().map(|data| (data.uid(), data.gid()));
        match owner.filter(|(user, _)| chosen.is_stand_in() && *user != 0) {
            Some(ids) => Ok(Self { stand_in: Some(ids) }),
            None => Ok(chosen),
        }
    }

    /// Whether this is somebody else than the caller.
    pub fn is_stand_in(&self) -> bool {
        self.stand_in.is_some()
    }

    /// A command that runs as this account.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.stand_in {
            command.uid(user).gid(group);
        }
        // The caller's folder may be closed to the account; log messages are read by this crate.
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Whether the account gets as far as into `folder`.
    pub fn can_enter(&self, folder: &Path) -> bool {
        self.passes("cd \"$1\"", folder)
    }

    /// Whether the account can create and remove things in `folder`.
    pub fn can_change(&self, folder: &Path) -> bool {
        self.passes("[ -w \"$1\" ] && cd \"$1\"", folder)
    }

    /// Asks the kernel as the account itself, because there is more to rights than mode bits.
    fn passes(&self, check: &str, folder: &Path) -> bool {
        let mut shell = self.command(Path::new("/bin/sh"));
        shell.args(["-c", check, "sh"]).arg(folder).stderr(Stdio::null());
        shell.status().is_ok_and(|status| status.success())
    }

    /// Makes the account the owner of a folder.
    pub fn own_folder(&self, folder: &Path) -> io::Result<()> {
        match self.stand_in {
            Some((user, group)) => lchown(folder, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Makes the account the owner of an open file.
    pub fn own_file(&self, file: &fs::File) -> io::Result<()> {
        match self.stand_in {
            Some((user, group)) => fchown(file, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

/// User and group id of `name` in the text of `/etc/passwd` (`name:password:user:group:…`).
fn find_user(users: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    let user = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some((user, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/bin/false\n";

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        assert_eq!(find_user(USERS, "nobody"), Some((65534, 65533)));
        assert_eq!(find_user(USERS, "no"), None);
    }
}
