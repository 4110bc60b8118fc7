//! A real collector of OpenTelemetry data, which writes down what it receives.

mod received;

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use rustix::process::Signal as ProcessSignal;
use tokio::{net::TcpStream, process::Child};

pub use self::received::{Item, Received, Signal};
use super::{Cluster, Folder, family::signal};
use crate::patience::until;

const START_LIMIT: Duration = Duration::from_secs(10);

/// Whatever it receives goes to stdout.
const WRITE_DOWN: [&str; 8] =
    ["--debug-log", "traces", "--debug-log", "metrics", "--debug-log", "logs", "--debug-log-verbosity", "detailed"];

pub struct Collector {
    grpc: SocketAddr,
    http: SocketAddr,
    log: PathBuf,
    child: Child,
    read: u64,
    received: Received,
}

impl Collector {
    /// Returns when it accepts connections. Errors: it is not installed.
    pub async fn start<const N: usize>(cluster: &mut Cluster<N>, folder: &Folder) -> anyhow::Result<Self> {
        Self::start_with(&WRITE_DOWN, cluster, folder).await
    }

    /// The same for one that forgets what it receives.
    pub async fn start_forgetful<const N: usize>(cluster: &mut Cluster<N>, folder: &Folder) -> anyhow::Result<Self> {
        Self::start_with(&[], cluster, folder).await
    }

    async fn start_with<const N: usize>(
        arguments: &[&str],
        cluster: &mut Cluster<N>,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let (grpc, http) = (cluster.ports.take()?, cluster.ports.take()?);
        let log = folder.log("collector");
        let mut command = cluster.family.member("rotel-agent", &log)?;
        command
            .args(["start", "--exporter", "blackhole"])
            .args(arguments)
            .arg("--pid-file")
            .arg(folder.path().join("rotel.pid"));
        command.args(["--otlp-grpc-endpoint", &grpc.to_string(), "--otlp-http-endpoint", &http.to_string()]);
        let child = command.spawn().context("rotel is needed, and `rotel-agent` on the PATH does not start")?;
        for address in [grpc, http] {
            let accepts = async || TcpStream::connect(address).await.is_ok();
            until("the collector accepts connections", START_LIMIT, accepts).await?;
        }
        Ok(Self { grpc, http, log, child, read: 0, received: Received::default() })
    }

    pub fn grpc_url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// All that has come so far.
    pub fn received(&mut self) -> anyhow::Result<&Received> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut news = Vec::new();
        file.read_to_end(&mut news)?;
        // The rest is still in the writing.
        news.truncate(news.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.read += news.len() as u64;
        self.received.read(&String::from_utf8_lossy(&news));
        Ok(&self.received)
    }

    /// Of its process. Errors: it does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the collector does not run")
    }

    pub fn hang(&self) -> anyhow::Result<()> {
        signal(Some(&self.child), ProcessSignal::STOP)
    }

    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the collector does not end")
    }
}
