//! How long a program takes from its start to its readiness, with a database that is migrated.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::{Options, builds::Build, shop::Shop, table::Table};
use crate::{
    cluster::Instance,
    figures::{Figures, Rounds},
    programs::NAMES,
};

const LIMIT: Duration = Duration::from_secs(30);

/// Small against what is measured.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

pub async fn run(options: &Options, builds: &[Build], shop: &mut Shop<'_>) -> anyhow::Result<Value> {
    println!("\n### Start to readiness, ms: medians of {} starts (least–greatest)\n", options.starts);
    let mut table = Table::new(["build"].into_iter().chain(NAMES));
    let mut figures = Vec::new();
    for build in builds {
        shop.change_to(build).await?;
        let mut rounds = Rounds::default();
        for _ in 0..options.starts.get() {
            rounds.add(start_each(shop).await?);
        }
        let cell = |name: &str| rounds.spread(name).map_or_else(String::new, |spread| format!("{spread:.1}"));
        table.row([build.to_string()].into_iter().chain(NAMES.map(cell)));
        figures.push(json!({ "build": build.to_string(), "starts": rounds.json() }));
    }
    println!("{table}");
    // What was killed so often is in nobody's way.
    shop.change_to(&builds[0]).await?;
    shop.quiet().await?;
    Ok(figures.into())
}

async fn start_each(shop: &mut Shop<'_>) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    for instance in shop.cluster.instances_mut() {
        instance.kill().await?;
        let began = Instant::now();
        instance.start()?;
        ready(instance, began).await.with_context(|| format!("{} is not ready", instance.name()))?;
        figures.insert(instance.service().name().to_owned(), began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(figures)
}

async fn ready(instance: &Instance, began: Instant) -> anyhow::Result<()> {
    while !is_ready(instance.operations()).await.unwrap_or(false) {
        ensure!(began.elapsed() < LIMIT, "not within {} s", LIMIT.as_secs());
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

/// As an orchestrator asks, by a connection for each question.
async fn is_ready(operations: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(operations).await?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await?;
    Ok(&answer == b"HTTP/1.1 200")
}
