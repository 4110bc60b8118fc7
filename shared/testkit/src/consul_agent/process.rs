//! The running agent: how it is started, and when it is ready.

use std::{process::Command, sync::LazyLock, time::Duration};

use super::{Ports, ServerCertificate, Settings};
use crate::watched::{Folder, Watched};

/// An agent that accepts connections answers at once, unless it is not ours.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Versions from 1.14 on open a port more, of the same number for all, unless they are told not to.
static HAS_GRPC_TLS_PORT: LazyLock<bool> = LazyLock::new(|| {
    let help = Command::new("consul").args(["agent", "-help"]).output().unwrap();
    [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).contains("-grpc-tls-port"))
});

/// Starts an agent and waits until it is ready; if it ends before, its log is the error.
pub async fn start(settings: &Settings, ports: &Ports) -> Result<Watched, String> {
    // For what it reads when it starts; removed when it has.
    let folder = Folder::create("consul");
    let https = settings.https.as_ref().map(|certificate| https(&folder, certificate));
    let access = settings.management_token.as_deref().map(access_control);
    let mut arguments = arguments(ports, settings.https.is_some());
    arguments.extend(https.into_iter().chain(access).flat_map(|hcl| ["-hcl".to_owned(), hcl]));
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(ANSWER_LIMIT).build().unwrap();
    let process = Watched::start(folder.log(), "consul", &arguments);
    process.wait_until(async || is_ready(&client, settings, ports).await.unwrap_or(false)).await
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
        "agent".to_owned(),
        "-dev".to_owned(),
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

fn https(folder: &Folder, server: &ServerCertificate) -> String {
    let certificate = folder.write("certificate.pem", &server.certificate);
    let key = folder.write("key.pem", &server.key);
    format!(r#"cert_file = "{}", key_file = "{}""#, certificate.display(), key.display())
}
