//! A real Consul for tests: an agent in development mode, server and client in one, with nothing in it.

mod process;

use std::{
    env,
    io::{self, Write},
    net::{Ipv4Addr, TcpListener, UdpSocket},
};

use uuid::Uuid;

use self::process::Process;

/// How often other ports are tried when somebody takes those that were found.
const ATTEMPTS: usize = 5;

/// A Consul of this test's own, on ports of its own. Dropping it ends it; so does the end of the test binary.
pub struct Consul {
    settings: Settings,
    ports: Ports,
    process: Option<Process>,
}

/// What a server proves itself with.
pub struct ServerCertificate {
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub key: String,
}

/// How it differs from a plain one.
#[derive(Default)]
struct Settings {
    management_token: Option<String>,
    https: Option<ServerCertificate>,
}

struct Ports {
    http: u16,
    https: u16,
    server: u16,
    serf_lan: u16,
    serf_wan: u16,
}

impl Consul {
    /// A Consul that is ready, and lets everybody do everything.
    ///
    /// `None`, which ends the test, where Consul is not installed: loudly, and not in CI, where it panics.
    pub async fn start() -> Option<Self> {
        Self::start_with(Settings::default()).await
    }

    /// The same, but nobody may do anything without this token (a UUID), with which everything is allowed.
    pub async fn start_with_acl(management_token: &str) -> Option<Self> {
        let management_token = Some(management_token.to_owned());
        Self::start_with(Settings { management_token, ..Settings::default() }).await
    }

    /// The same as [`start`](Self::start), with HTTPS beside HTTP.
    pub async fn start_with_https(certificate: ServerCertificate) -> Option<Self> {
        Self::start_with(Settings { https: Some(certificate), ..Settings::default() }).await
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// `https://127.0.0.1:PORT`, if it was started so.
    pub fn https_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.https)
    }

    /// Ends it at once, as a crash would. Without effect on one that has ended.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it on the same ports, with nothing in it; if it runs, it is ended before.
    pub async fn start_again(&mut self) {
        self.stop();
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            match Process::start(&self.settings, &self.ports).await {
                Ok(process) => return self.process = Some(process),
                Err(its_log) => log = its_log,
            }
        }
        panic!("consul does not start again:\n{log}");
    }

    async fn start_with(settings: Settings) -> Option<Self> {
        if !is_installed() {
            skip();
            return None;
        }
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let ports = Ports::choose();
            match Process::start(&settings, &ports).await {
                Ok(process) => return Some(Self { settings, ports, process: Some(process) }),
                Err(its_log) => log = its_log,
            }
        }
        panic!("consul does not start:\n{log}");
    }
}

impl Ports {
    fn choose() -> Self {
        Self {
            http: free_port(),
            https: free_port(),
            server: free_port(),
            serf_lan: free_port(),
            serf_wan: free_port(),
        }
    }
}

/// A port that was free a moment ago, below those that systems hand out for outgoing connections: one of them could
/// take it while its owner is stopped.
fn free_port() -> u16 {
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::LOCALHOST, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    let candidates = std::iter::repeat_with(|| 10_000 + (Uuid::new_v4().as_u128() % 20_000) as u16);
    candidates.take(1000).find(is_free).expect("some port of this machine is free")
}

fn is_installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join("consul").is_file())
}

fn skip() {
    let message = "SKIPPED: consul is not installed (`.ci/servers consul` installs it)";
    assert!(env::var_os("CI").is_none(), "{message}");
    // Not `eprintln!`, which the test harness swallows when a test passes.
    let _ = writeln!(io::stderr(), "{message}");
}
