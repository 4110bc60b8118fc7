//! orders gets two containers more, and loses them again: the calls spread by themselves, and no request fails.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::time::Instant;

use super::{
    project::{Project, REPLICAS},
    under_load,
};
use crate::drill::{
    load::{Clientele, Load},
    report::{figure, none_failed, seconds},
};
use crate::patience::until;

const MORE_REPLICAS: usize = 4;

/// Who was slow in the step before is called again when that is forgotten.
const EACH_IS_CALLED_WITHIN: Duration = Duration::from_secs(60);

pub async fn run(project: &Project, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let ((), outcomes) = under_load(clientele, async |load: &Load| out_and_in(project, load).await).await?;
    none_failed("failed requests", &outcomes)
}

async fn out_and_in(project: &Project, load: &Load) -> anyhow::Result<()> {
    scale(project, MORE_REPLICAS).await?;
    let watched = Instant::now();
    load.end_more(400).await?;
    calls_spread(project, watched).await?;
    scale(project, REPLICAS).await
}

async fn scale(project: &Project, replicas: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    project.scale("orders", replicas).await?;
    project.lists("orders", replicas).await?;
    figure(&format!("{replicas} containers after"), seconds(began.elapsed()));
    Ok(())
}

/// Errors: a container is not called at all.
async fn calls_spread(project: &Project, since: Instant) -> anyhow::Result<()> {
    let containers = project.containers("orders").await?;
    ensure!(containers.len() == MORE_REPLICAS, "there are {} containers", containers.len());
    let mut calls = Vec::new();
    let each_is_called = async || {
        calls = project.calls_of_each(&containers, since.elapsed()).await.unwrap_or_default();
        !calls.is_empty() && !calls.contains(&0)
    };
    until("each container is called", EACH_IS_CALLED_WITHIN, each_is_called).await?;
    let all: usize = calls.iter().sum();
    let shares: Vec<_> = calls.iter().map(|calls| format!("{} %", calls * 100 / all)).collect();
    figure("share of the calls of each", format_args!("{} ({all} calls)", shares.join(", ")));
    Ok(())
}
