//! What no request waits for, payments or NATS, is killed and started again: nobody notices, and every order is decided.

use std::sync::Arc;

use anyhow::Context;

use super::{project::Project, settled, under_load};
use crate::drill::{
    load::{Clientele, Load},
    report::none_failed,
};

pub async fn run(project: &Project, clientele: &Arc<Clientele>, service: &str) -> anyhow::Result<()> {
    let story = async |load: &Load| kill_and_start(project, load, service).await;
    let ((), outcomes) = under_load(clientele, story).await?;
    none_failed("failed requests", &outcomes)?;
    settled::all(project).await
}

async fn kill_and_start(project: &Project, load: &Load, service: &str) -> anyhow::Result<()> {
    let containers = project.containers(service).await?;
    let container = containers.first().context("it has no container")?;
    project.kill(container).await?;
    load.end_more(250).await?;
    project.start(container).await
}
