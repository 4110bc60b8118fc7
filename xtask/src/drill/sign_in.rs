//! A standard OAuth client that is not ours signs a person in, at a real browser, and does all that such a client does.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    load::{Clientele, PASSWORD},
    report::figure,
};
use crate::{
    cluster::{Cluster, Instance},
    programs::Programs,
};

/// What the client is written with, as `.ci/servers` installs them.
const LIBRARIES: [&str; 3] = ["authlib", "requests", "selenium"];

/// A program for people.
const APP: &str = "demo-app";

/// A program that acts in its own name.
const MACHINE: &str = "reporting";

pub async fn run(cluster: &mut Cluster, programs: &Programs) -> anyhow::Result<()> {
    let [gateway, _] = &cluster.gateways;
    let issuer = format!("http://{}", gateway.address());
    cluster.set("TOKEN_ISSUER", &issuer);
    cluster.start_over().await?;
    let clientele = Clientele::gather(&cluster.front()).await?;
    let [users, _] = &cluster.users;
    let scopes = "orders:read orders:write users:read users:write";
    let redirect = "http://127.0.0.1/callback";
    tell(users, &["add-client", APP, "--scope", scopes, "--public", "--redirect-uri", redirect]).await?;
    let added = tell(users, &["add-client", MACHINE, "--scope", "users:read"]).await?;
    let secret = added.lines().find_map(|line| line.strip_prefix("client_secret=")).context("no secret")?;
    let screenshots = screenshots(programs)?;
    let settings = json!({
        "issuer": issuer,
        "app": APP,
        "machine": MACHINE,
        "secret": secret,
        "email": clientele.customer(0).email,
        "password": PASSWORD,
        "screenshots": screenshots,
    });
    let script = programs.root.join("xtask/src/drill/sign_in/client.py");
    for line in python(&script, &settings).await?.lines() {
        figure("client", line);
    }
    figure("screenshots", screenshots.display());
    Ok(())
}

/// Runs a command of the service's program; what it says.
async fn tell(instance: &Instance, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = instance.command();
    let said = command.args(arguments).output().await?;
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(said.status.success(), "{}: {complaint}", arguments.join(" "));
    Ok(String::from_utf8(said.stdout)?)
}

/// Kept after the drill, to be looked at.
fn screenshots(programs: &Programs) -> anyhow::Result<PathBuf> {
    let folder = programs.folder.join("screenshots");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// Errors: the script ends with one, which is the last thing that it says.
async fn python(script: &Path, settings: &Value) -> anyhow::Result<String> {
    let tools = PathBuf::from(env::var_os("HOME").context("there is no HOME")?).join(".cache/joist/tools");
    let path = env::join_paths(LIBRARIES.map(|library| tools.join(library)))?;
    let mut command = Command::new("python3");
    command.arg(script).arg(settings.to_string()).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = command.kill_on_drop(true).output().await.context("this drill needs Python")?;
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    let lines = String::from_utf8(said.stdout)?;
    ensure!(said.status.success(), "{lines}{complaint}");
    Ok(lines)
}
