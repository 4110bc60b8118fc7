//! Every container of ours is replaced, one after the other: no request fails, writes included.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::ensure;

use super::{
    project::{Project, REPLICAS, SERVICES, WORKER},
    under_load,
};
use crate::drill::{
    load::{Clientele, Load},
    report::{figure, none_failed},
};

pub async fn run(project: &Project, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let ((), outcomes) = under_load(clientele, async |_: &Load| replace_all(project).await).await?;
    none_failed("failed requests", &outcomes)
}

async fn replace_all(project: &Project) -> anyhow::Result<()> {
    let before = containers(project).await?;
    let told = project.rolling_update().await?;
    for (service, story) in told.lines().filter_map(|line| line.split_once(": ")) {
        figure(service, story);
    }
    let after = containers(project).await?;
    ensure!(after.len() == (SERVICES.len() + 1) * REPLICAS, "there are {} containers", after.len());
    ensure!(before.is_disjoint(&after), "a container is the one of before");
    project.lists_all().await?;
    Ok(())
}

async fn containers(project: &Project) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for service in SERVICES.into_iter().chain([WORKER]) {
        all.extend(project.containers(service).await?);
    }
    Ok(all)
}
