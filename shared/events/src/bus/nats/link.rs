//! What is known of the connection: when it changed, what the server complained of.

use std::{collections::HashSet, sync::Arc};

use async_nats::{Event, ServerError};
use tokio::sync::watch;

/// Copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Link(Arc<watch::Sender<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// How often it was made or lost.
    changes: u64,
    /// How often something may have been missed.
    gaps: u64,
    /// Why it is not there.
    trouble: Option<String>,
    /// Subjects that this user may not publish to. The server says so beside the answers, of which there is none.
    forbidden: HashSet<String>,
}

impl Link {
    /// Notes what happened, and logs it once.
    pub fn tell(&self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected => self.disconnected(),
            Event::SlowConsumer(_) => self.0.send_modify(|known| known.gaps += 1),
            Event::ServerError(error) => self.complained(&error),
            Event::ClientError(error) => self.troubled(error.to_string()),
            Event::LameDuckMode | Event::Draining | Event::Closed => {}
        }
    }

    /// How often it has changed; see [`changed_since`](Self::changed_since).
    pub fn changes(&self) -> u64 {
        self.0.borrow().changes
    }

    /// Waits until it was made or lost since there had been so many changes.
    pub async fn changed_since(&self, changes: u64) {
        self.wait_for(|known| known.changes != changes).await;
    }

    /// How often something may have been missed.
    pub fn gaps(&self) -> u64 {
        self.0.borrow().gaps
    }

    /// Waits until something may have been missed since there had been so many gaps.
    pub async fn gap_since(&self, gaps: u64) {
        self.wait_for(|known| known.gaps != gaps).await;
    }

    /// Why there is no connection.
    pub fn trouble(&self) -> Option<String> {
        self.0.borrow().trouble.clone()
    }

    /// Rights may have changed: whether this subject is forbidden is to be seen anew.
    pub fn try_again(&self, subject: &str) {
        self.0.send_if_modified(|known| known.forbidden.remove(subject));
    }

    /// Waits until the server says that this subject is forbidden.
    pub async fn forbidden(&self, subject: &str) {
        self.wait_for(|known| known.forbidden.contains(subject)).await;
    }

    async fn wait_for(&self, condition: impl FnMut(&Known) -> bool) {
        // It cannot end: this holds the sender.
        let _ = self.0.subscribe().wait_for(condition).await;
    }

    fn connected(&self) {
        tracing::info!("connected to the bus");
        self.0.send_modify(|known| {
            *known = Known { changes: known.changes + 1, gaps: known.gaps + 1, ..Known::default() }
        });
    }

    fn disconnected(&self) {
        tracing::warn!("the connection to the bus is lost");
        self.0.send_modify(|known| known.changes += 1);
    }

    fn complained(&self, error: &ServerError) {
        let text = error.to_string();
        let Some(subject) = forbidden_subject(&text) else {
            return tracing::warn!(error = text, "the bus complains");
        };
        let is_new = |known: &mut Known| known.forbidden.insert(subject.to_owned());
        if self.0.send_if_modified(is_new) {
            tracing::warn!(subject, "not permitted to publish");
        }
    }

    fn troubled(&self, trouble: String) {
        let is_new = self.0.send_if_modified(|known| {
            let is_new = known.trouble.as_ref() != Some(&trouble);
            known.trouble = Some(trouble.clone());
            is_new
        });
        if is_new {
            tracing::warn!(error = trouble, "no connection to the bus");
        }
    }
}

/// The text is a part of NATS's protocol: <https://docs.nats.io/reference/reference-protocols/nats-protocol#ok-err>.
fn forbidden_subject(complaint: &str) -> Option<&str> {
    let (_, rest) = complaint.split_once("Permissions Violation for Publish to \"")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_names_the_subject_that_is_forbidden() {
        let complaint = "nats: Permissions Violation for Publish to \"events.users.v1.UserDeleted\"";
        assert_eq!(forbidden_subject(complaint), Some("events.users.v1.UserDeleted"));
        assert_eq!(forbidden_subject("nats: maximum connections exceeded"), None);
    }

    #[tokio::test]
    async fn what_was_forbidden_can_be_tried_again() {
        let link = Link::default();
        let forbidden = "Permissions Violation for Publish to \"events.a\"".to_owned();
        link.tell(Event::ServerError(ServerError::Other(forbidden)));
        link.forbidden("events.a").await;
        link.try_again("events.a");
        assert!(!link.0.borrow().forbidden.contains("events.a"));
    }
}
