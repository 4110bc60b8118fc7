//! A real NATS for tests: a server with JetStream, with nothing in it.

use std::{fs, net::Ipv4Addr};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};
use uuid::Uuid;

use crate::watched::{Folder, Watched, free_port, is_installed};

/// How often other ports are tried when somebody takes the one that was found.
const ATTEMPTS: usize = 5;

/// A NATS of this test's own, on a port of its own. Dropping it ends it; so does the end of the test binary.
pub struct Nats {
    settings: NatsSettings,
    folder: Folder,
    port: u16,
    process: Option<Watched>,
}

/// How it differs from a plain one.
#[derive(Clone, Debug, Default)]
pub struct NatsSettings {
    /// Each message is on the disk before it is acknowledged, as in production: slow.
    pub sync_always: bool,
    /// How much of the disk it may use, such as `768MiB`; three quarters by default.
    pub max_file_store: Option<String>,
    /// More of its configuration: users and their rights, limits.
    pub configuration: String,
}

impl Nats {
    /// A NATS that is ready, and lets everybody do everything.
    ///
    /// `None`, which ends the test, where NATS is not installed: loudly, and not in CI, where it panics.
    pub async fn start() -> Option<Self> {
        Self::start_with(NatsSettings::default()).await
    }

    /// The same, but different in this.
    pub async fn start_with(settings: NatsSettings) -> Option<Self> {
        if !is_installed("nats-server", "nats") {
            return None;
        }
        let folder = Folder::create("nats");
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port();
            match process(&settings, &folder, port).await {
                Ok(process) => return Some(Self { settings, folder, port, process: Some(process) }),
                Err(its_log) => log = its_log,
            }
        }
        panic!("nats-server does not start:\n{log}");
    }

    /// `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a crash would. Without effect on one that has ended.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it on the same port, with what it had; if it runs, it is ended before.
    pub async fn start_again(&mut self) {
        self.stop();
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            match process(&self.settings, &self.folder, self.port).await {
                Ok(process) => return self.process = Some(process),
                Err(its_log) => log = its_log,
            }
        }
        panic!("nats-server does not start again:\n{log}");
    }

    /// Starts it on the same port, without the disk that it had; if it runs, it is ended before.
    pub async fn start_empty(&mut self) {
        self.stop();
        fs::remove_dir_all(self.folder.path().join("store")).unwrap();
        self.start_again().await;
    }
}

async fn process(settings: &NatsSettings, folder: &Folder, port: u16) -> Result<Watched, String> {
    let name = Uuid::new_v4().simple().to_string();
    let file = folder.write("nats.conf", &configuration(settings, folder, &name, port));
    let arguments = ["--config".to_owned(), file.display().to_string()];
    let process = Watched::start(folder.log(), "nats-server", &arguments);
    process.wait_until(async || is_ready(&name, port).await.unwrap_or(false)).await
}

fn configuration(settings: &NatsSettings, folder: &Folder, name: &str, port: u16) -> String {
    let store = folder.path().join("store");
    let sync = if settings.sync_always { "sync_interval: always" } else { "" };
    let limit = settings.max_file_store.as_ref().map(|limit| format!("max_file_store: {limit}")).unwrap_or_default();
    let more = &settings.configuration;
    format!(
        r#"server_name: "{name}"
        listen: "127.0.0.1:{port}"
        jetstream {{
            store_dir: "{}"
            {sync}
            {limit}
        }}
        {more}"#,
        store.display(),
    )
}

/// Whether this very server, and not another one on its port, greets with JetStream: it does when it has read its store.
async fn is_ready(name: &str, port: u16) -> std::io::Result<bool> {
    let mut greeting = String::new();
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    BufReader::new(connection).read_line(&mut greeting).await?;
    Ok(greeting.starts_with("INFO") && greeting.contains(name) && greeting.contains(r#""jetstream":true"#))
}
