//! A real Consul for tests: an agent in development mode, server and client in one, with nothing in it.

mod process;

use crate::watched::{Watched, free_port, is_installed};

/// How often other ports are tried when somebody takes those that were found.
const ATTEMPTS: usize = 5;

/// A Consul of this test's own, on ports of its own. Dropping it ends it; so does the end of the test binary.
pub struct Consul {
    settings: Settings,
    ports: Ports,
    process: Option<Watched>,
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
            match process::start(&self.settings, &self.ports).await {
                Ok(process) => return self.process = Some(process),
                Err(its_log) => log = its_log,
            }
        }
        panic!("consul does not start again:\n{log}");
    }

    async fn start_with(settings: Settings) -> Option<Self> {
        if !is_installed("consul", "consul") {
            return None;
        }
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let ports = Ports::choose();
            match process::start(&settings, &ports).await {
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
