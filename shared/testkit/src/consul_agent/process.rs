//! The running agent: the watchdog that owns it, and when it is ready.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, FileExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{Ports, ServerCertificate, Settings};

const WATCHDOG: &str = include_str!("watchdog.sh");

/// For an election of one, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// Versions from 1.14 on open a port more, of the same number for all, unless they are told not to.
static HAS_GRPC_TLS_PORT: LazyLock<bool> = LazyLock::new(|| {
    let help = Command::new("consul").args(["agent", "-help"]).output().unwrap();
    [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).contains("-grpc-tls-port"))
});

/// An agent under its watchdog. Dropping it ends both.
pub struct Process {
    watchdog: Child,
    log: File,
}

impl Process {
    /// Starts an agent and waits until it is ready; if it ends before, its log is the error.
    pub async fn start(settings: &Settings, ports: &Ports) -> Result<Self, String> {
        let folder = Folder::create();
        let log = folder.log();
        let https = settings.https.as_ref().map(|certificate| folder.https(certificate));
        let access = settings.management_token.as_deref().map(access_control);
        let extras = https.iter().chain(&access).flat_map(|hcl| ["-hcl", hcl]);
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "consul-watchdog", "consul", "agent", "-dev"])
            .args(arguments(ports, settings.https.is_some()))
            .args(extras)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut process = Self { watchdog, log };
        process.wait_until_ready(settings, ports).await?;
        Ok(process)
    }

    async fn wait_until_ready(&mut self, settings: &Settings, ports: &Ports) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(START_LIMIT).build().unwrap();
        while !is_ready(&client, settings, ports).await.unwrap_or(false) {
            if self.watchdog.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return Err(self.log());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        let mut text = vec![0; self.log.metadata().unwrap().len() as usize];
        self.log.read_exact_at(&mut text, 0).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Waiting closes the pipe first, which is what the watchdog waits for.
        let _ = self.watchdog.wait();
    }
}

/// Whether this very agent, and not another one on its port, leads itself and has set itself up: itself as a node, its
/// certificate authority, its management token.
async fn is_ready(client: &reqwest::Client, settings: &Settings, ports: &Ports) -> reqwest::Result<bool> {
    let token = settings.management_token.as_deref().unwrap_or_default();
    let leader = format!("\"127.0.0.1:{}\"", ports.server);
    let signs = [("status/leader", leader.as_str()), ("health/node/test", "serfHealth"), ("connect/ca/roots", "BEGIN")];
    for (path, sign) in signs {
        let url = format!("http://127.0.0.1:{}/v1/{path}", ports.http);
        let answer = client.get(url).header("x-consul-token", token).send().await?;
        if !answer.text().await?.contains(sign) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn arguments(ports: &Ports, with_https: bool) -> Vec<String> {
    let mut arguments = vec![
        "-node=test".to_owned(),
        "-client=127.0.0.1".to_owned(),
        "-bind=127.0.0.1".to_owned(),
        "-log-level=warn".to_owned(),
        format!("-http-port={}", ports.http),
        format!("-https-port={}", if with_https { i32::from(ports.https) } else { -1 }),
        format!("-server-port={}", ports.server),
        format!("-serf-lan-port={}", ports.serf_lan),
        format!("-serf-wan-port={}", ports.serf_wan),
        "-dns-port=-1".to_owned(),
        "-grpc-port=-1".to_owned(),
    ];
    if *HAS_GRPC_TLS_PORT {
        arguments.push("-grpc-tls-port=-1".to_owned());
    }
    arguments
}

/// `master` is what all versions understand; the later ones call it `initial_management`.
fn access_control(management_token: &str) -> String {
    format!(r#"acl {{ enabled = true, default_policy = "deny", tokens {{ master = "{management_token}" }} }}"#)
}

/// A folder for what the agent reads when it starts; removed when it has.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        let path = env::temp_dir().join(format!("joist-consul-{}", Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }

    /// Open, and readable for as long as it is open.
    fn log(&self) -> File {
        File::options().read(true).append(true).create_new(true).open(self.0.join("log")).unwrap()
    }

    fn https(&self, server: &ServerCertificate) -> String {
        let write = |name: &str, text: &str| -> io::Result<PathBuf> {
            let path = self.0.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let certificate = write("certificate.pem", &server.certificate).unwrap();
        let key = write("key.pem", &server.key).unwrap();
        format!(r#"cert_file = "{}", key_file = "{}""#, certificate.display(), key.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
