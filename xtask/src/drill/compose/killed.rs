//! One container of a service is killed: whoever reads, or writes with a key, notices nothing.

use std::sync::Arc;

use anyhow::Context;

use super::{
    project::{Project, REPLICAS},
    under_load,
};
use crate::drill::{
    load::{Clientele, Load, Outcome},
    report::{figure, none_failed, seconds},
};

pub async fn run(project: &Project, clientele: &Arc<Clientele>, service: &str) -> anyhow::Result<()> {
    let story = async |load: &Load| kill_and_start(project, load, service).await;
    let ((), outcomes) = under_load(clientele, story).await?;
    let writes = outcomes.only(|outcome| !outcome.is_idempotent());
    figure("failed writes without a key", format_args!("{} of {}", writes.failed(), writes.count()));
    none_failed("failed idempotent requests", &outcomes.only(Outcome::is_idempotent))
}

async fn kill_and_start(project: &Project, load: &Load, service: &str) -> anyhow::Result<()> {
    let containers = project.containers(service).await?;
    let container = containers.first().context("it has no container")?;
    project.kill(container).await?;
    let took = project.lists(service, REPLICAS - 1).await?;
    figure("off Consul's list after", seconds(took));
    load.end_more(150).await?;
    project.start(container).await?;
    let took = project.lists(service, REPLICAS).await?;
    figure("listed again after its start", seconds(took));
    Ok(())
}
