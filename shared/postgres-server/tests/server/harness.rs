//! What the tests look through: SQL by `psql`, a folder of their own, a parent process that can be killed.

use std::{
    env,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use postgres_server::PostgresServer;
use rustix::process::{Pid, geteuid, test_kill_process};
use uuid::Uuid;

/// The answer of the server to one statement.
pub fn query(server: &PostgresServer, sql: &str) -> String {
    let output = Command::new(server.programs().join("psql"))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
        .args(["--command", sql, server.url()])
        .env("PGPASSWORD", server.password())
        .output()
        .expect("psql is installed beside the server");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until `condition` holds, for 30 s at most.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here that it could hold up")]
pub fn wait_until(condition_in_words: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {condition_in_words}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub fn is_root() -> bool {
    geteuid().is_root()
}

pub fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

/// The server's process, once it is ready; `cluster` may be a link.
pub fn ready_pid(cluster: &Path) -> Option<Pid> {
    let content = fs::read_to_string(cluster.join("data/postmaster.pid")).ok()?;
    let lines: Vec<_> = content.lines().collect();
    let is_ready = lines.get(7)?.trim() == "ready";
    is_ready.then_some(Pid::from_raw(lines[0].parse().ok()?)?)
}

/// A folder for one test, removed with what lies elsewhere because of it.
pub struct Folder(PathBuf);

impl Folder {
    /// Others may look into it.
    pub fn open() -> Self {
        Self::with_mode(0o755)
    }

    /// Closed to others, as `/root` is.
    pub fn closed() -> Self {
        Self::with_mode(0o700)
    }

    /// Others may create files in it, as in `/tmp`.
    pub fn shared() -> Self {
        let folder = Self::with_mode(0o755);
        // Not at once: the process's umask would take the rights of others away.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        fs::set_permissions(&folder.0, mode).expect("it is ours");
        folder
    }

    fn with_mode(mode: u32) -> Self {
        let path = env::temp_dir().join(format!("joist-test-{}", Uuid::new_v4()));
        DirBuilder::new().mode(mode).create(&path).expect("the temp folder is writable");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn cluster(&self) -> PathBuf {
        self.0.join("cluster")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Ok(elsewhere) = fs::read_link(self.cluster()) {
            let _ = fs::remove_dir_all(elsewhere);
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that runs one of these tests in a process of its own.
pub fn test_process(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("tests run from a file"));
    command.args([test, "--exact", "--ignored", "--nocapture"]).stdin(Stdio::null());
    command
}

/// A process that holds a server, until it is killed.
pub struct Parent(Child);

impl Parent {
    /// With kept data in `directory`.
    pub fn of_kept(directory: &Path) -> Self {
        Self::spawn(test_process("killed::holds_a_server").env("DIRECTORY", directory))
    }

    /// With a temporary server in the temp folder `temp`.
    pub fn of_temporary(temp: &Path) -> Self {
        Self::spawn(test_process("killed::holds_a_server").env("TMPDIR", temp))
    }

    fn spawn(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::null()).spawn().expect("this very program runs");
        Self(child)
    }

    /// By SIGKILL: it learns nothing of it.
    pub fn kill(self) {
        drop(self);
    }
}

/// Also for a test that fails: nothing may stay behind.
impl Drop for Parent {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours and not yet waited for");
        self.0.wait().expect("it was killed");
    }
}
