//! Whatever was killed and replaced: every order that was acknowledged is decided in the end.

use std::time::Duration;

use super::project::Project;
use crate::drill::report::{figure, seconds};
use crate::patience::until;

/// An outbox whose relay was killed is free again after half a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

pub async fn all(project: &Project) -> anyhow::Result<()> {
    let settled = async || project.pending().await.is_ok_and(|pending| pending == 0);
    let took = until("no order is pending", SETTLED_WITHIN, settled).await?;
    figure("no order pending after", seconds(took));
    Ok(())
}
