//! PostgreSQL is restarted: meanwhile clients are told in time that this is not the time, and nobody leaves Consul.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    select,
    time::{Instant, sleep},
};

use super::{project::Project, under_load};
use crate::drill::{
    database_away::{Absence, WELL_WITHIN},
    load::{Clientele, Load},
    report::{figure, seconds},
};

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

pub async fn run(project: &Project, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let (absence, outcomes) = under_load(clientele, async |_: &Load| restart(project).await).await?;
    absence.judge(&outcomes)
}

async fn restart(project: &Project) -> anyhow::Result<Absence> {
    let stopped = Instant::now();
    select! {
        restarted = project.restart("postgres") => restarted?,
        somebody_left = watch_the_lists(project) => match somebody_left? {},
    }
    let back = Instant::now();
    figure("healthy again after", seconds(back - stopped));
    sleep(WELL_WITHIN).await;
    let well = Instant::now();
    project.nobody_is_missing().await?;
    Ok(Absence { stopped, back, well })
}

/// Errors: an instance leaves Consul's lists. Until then there is no end.
async fn watch_the_lists(project: &Project) -> anyhow::Result<Infallible> {
    loop {
        project.nobody_is_missing().await.context("while PostgreSQL was away")?;
        sleep(BETWEEN_LOOKS).await;
    }
}
