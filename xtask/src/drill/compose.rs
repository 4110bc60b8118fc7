//! The composed system under load: its containers are killed, restarted, scaled and replaced, and the customers, who
//! know both gateways, go on shopping.

mod consul_restarted;
mod docker;
mod killed;
mod postgres_restarted;
mod project;
mod rolling_update;
mod scaled;
mod settled;
mod unnoticed;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;

use self::project::{Project, SERVICES, WORKER};
use super::{
    load::{Clientele, Load, Outcomes, Pace, SHOPPING},
    report::{figure, heading, latencies, none_failed},
};

/// Twice what it takes.
pub const LIMIT: Duration = Duration::from_secs(9 * 60);

/// What docker-compose.yml publishes; whichever gateway is behind which port.
const GATEWAYS: [SocketAddr; 2] = [on_this_machine(8080), on_this_machine(8081)];

const fn on_this_machine(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Leaves the system up.
pub async fn run(root: &Path) -> anyhow::Result<()> {
    let project = Project::up(root).await?;
    let clientele = Clientele::gather(&GATEWAYS).await?;
    for service in SERVICES {
        step(&format!("{service} killed"), killed::run(&project, &clientele, service)).await?;
    }
    for service in [WORKER, "nats"] {
        step(&format!("{service} killed"), unnoticed::run(&project, &clientele, service)).await?;
    }
    step("postgres restarted", postgres_restarted::run(&project, &clientele)).await?;
    step("consul restarted", consul_restarted::run(&project, &clientele)).await?;
    step("orders scaled", scaled::run(&project, &clientele)).await?;
    step("rolling update", rolling_update::run(&project, &clientele)).await?;
    step("all orders settled", settled::all(&project)).await?;
    heading("memory");
    for (container, memory) in project.memory().await? {
        figure(&container, memory);
    }
    Ok(())
}

async fn step(name: &str, story: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    heading(name);
    story.await.with_context(|| name.to_owned())
}

/// Lets something happen while customers shop, and prints what they noticed, also where it goes wrong.
async fn under_load<T>(
    clientele: &Arc<Clientele>,
    story: impl AsyncFnOnce(&Load) -> anyhow::Result<T>,
) -> anyhow::Result<(T, Outcomes)> {
    let failed_over = clientele.failed_over();
    let load = Load::start(clientele, SHOPPING, Pace::PerSecond(50));
    let told = amidst(&load, story).await;
    let outcomes = load.stop().await?;
    latencies("latency", &outcomes);
    figure("statuses", outcomes.statuses());
    figure("asked the other gateway", clientele.failed_over() - failed_over);
    if told.is_err() {
        // The story's error is the one to report; this one may explain it.
        let _ = none_failed("failed requests", &outcomes);
    }
    Ok((told?, outcomes))
}

/// What is normal before and after it belongs to the story.
async fn amidst<T>(load: &Load, story: impl AsyncFnOnce(&Load) -> anyhow::Result<T>) -> anyhow::Result<T> {
    load.end_more(100).await?;
    let told = story(load).await?;
    load.end_more(100).await?;
    Ok(told)
}
