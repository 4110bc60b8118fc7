//! A real server that a test starts: the watchdog that owns it, its log, its ports, and what it means that it is missing.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use uuid::Uuid;

const WATCHDOG: &str = include_str!("watched/watchdog.sh");

/// For an election of one, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// A server under its watchdog. Dropping it ends both at once, as a crash would.
pub struct Watched {
    watchdog: Child,
    log: File,
}

impl Watched {
    /// Starts it; it logs into this file.
    pub fn start(log: File, program: &str, arguments: &[String]) -> Self {
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog", program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        Self { watchdog, log }
    }

    /// Waits until it is ready; if it ends before, its log is the error.
    pub async fn wait_until(mut self, is_ready: impl AsyncFn() -> bool) -> Result<Self, String> {
        let deadline = Instant::now() + START_LIMIT;
        while !is_ready().await {
            if self.watchdog.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return Err(self.log());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self)
    }

    fn log(&self) -> String {
        let mut text = vec![0; self.log.metadata().unwrap().len() as usize];
        self.log.read_exact_at(&mut text, 0).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Waiting closes the pipe first, which is what the watchdog waits for.
        let _ = self.watchdog.wait();
    }
}

/// A folder of one server, for nobody else; removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn create(server: &str) -> Self {
        let path = env::temp_dir().join(format!("joist-{server}-{}", Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Open, and readable for as long as it is open. Empty: each start has its own.
    pub fn log(&self) -> File {
        let path = self.0.join("log");
        let _ = fs::remove_file(&path);
        File::options().read(true).append(true).create_new(true).open(path).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A port that was free a moment ago, below those that systems hand out for outgoing connections: one of them could
/// take it while its owner is stopped.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::LOCALHOST, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    let candidates = std::iter::repeat_with(|| 10_000 + (Uuid::new_v4().as_u128() % 20_000) as u16);
    candidates.take(1000).find(is_free).expect("some port of this machine is free")
}

/// Whether there is such a program. If not, it says so: loudly, and in CI by a panic.
pub fn is_installed(program: &str, name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return true;
    }
    let message = format!("SKIPPED: {program} is not installed (`.ci/servers {name}` installs it)");
    assert!(env::var_os("CI").is_none(), "{message}");
    // Not `eprintln!`, which the test harness swallows when a test passes.
    let _ = writeln!(io::stderr(), "{message}");
    false
}
