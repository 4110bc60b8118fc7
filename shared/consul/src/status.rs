//! `/v1/status`: the servers among themselves.

use crate::{Client, Error};

/// Calls about the servers. <https://developer.hashicorp.com/consul/api-docs/status>
#[derive(Clone, Copy, Debug)]
pub struct Status<'a>(pub(crate) &'a Client);

impl Status<'_> {
    /// The `host:port` at which the leader speaks to the other servers; `None` while there is no leader.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/status#get-raft-leader>
    ///
    /// Errors: see [`Error`].
    pub async fn leader(&self) -> Result<Option<String>, Error> {
        let leader: String = self.0.get("status/leader", "")?.in_datacenter().send().await?.found()?.json()?;
        Ok(Some(leader).filter(|leader| !leader.is_empty()))
    }
}
