//! Consul is restarted: nobody notices, and it finds every instance healthy again.

use std::sync::Arc;

use tokio::time::Instant;

use super::{project::Project, under_load};
use crate::drill::{
    load::{Clientele, Load},
    report::{figure, none_failed, seconds},
};

pub async fn run(project: &Project, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let ((), outcomes) = under_load(clientele, async |load: &Load| restart(project, load).await).await?;
    none_failed("failed requests", &outcomes)
}

async fn restart(project: &Project, load: &Load) -> anyhow::Result<()> {
    let stopped = Instant::now();
    project.restart("consul").await?;
    figure("healthy again after", seconds(stopped.elapsed()));
    project.lists_all().await?;
    figure("every instance listed after", seconds(stopped.elapsed()));
    // What it said while it had not looked yet must do no harm later either.
    load.end_more(250).await?;
    project.nobody_is_missing().await
}
