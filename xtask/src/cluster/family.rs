//! All processes of a cluster as one process group, which does not outlive this program, however it ends.

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command as StdCommand, Stdio},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child as Member, Command};

/// Nothing is ever written to its input, which closes when this program ends. The group is its own, and it is in it.
const GUARD: &str = "read -r _; kill -s KILL 0";

pub struct Family {
    guard: Child,
    group: i32,
}

impl Family {
    pub fn found() -> anyhow::Result<Self> {
        let guard = StdCommand::new("/bin/sh")
            .args(["-c", GUARD, "drill-guard"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("/bin/sh does not run")?;
        let group = guard.id().try_into().context("a process id is an i32")?;
        Ok(Self { guard, group })
    }

    /// A command that runs a member, which writes to the end of this log.
    pub fn member(&self, program: impl AsRef<OsStr>, log: &Path) -> anyhow::Result<Command> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("{} cannot be written", log.display()))?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        command.process_group(self.group).kill_on_drop(true);
        Ok(command)
    }
}

/// Errors: it does not run.
pub fn signal(member: Option<&Member>, signal: Signal) -> anyhow::Result<()> {
    let id = member.and_then(Member::id).and_then(|id| Pid::from_raw(id.try_into().ok()?));
    Ok(kill_process(id.context("it does not run")?, signal)?)
}

impl Drop for Family {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It kills itself with the others; that it is gone already is as good.
        let _ = self.guard.wait();
    }
}
