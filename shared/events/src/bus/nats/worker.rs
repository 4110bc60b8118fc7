//! One of those who work on a consumer: asks for an event, handles it, and asks for the next one.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use futures::StreamExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Nats, consuming::name, streams::EVENTS};
use crate::{backoff::Backoff, consumers::Consumer};

/// One event, within a second: a process that is to end waits for so long, since a request cannot be taken back, and what
/// is sent to nobody comes again only after the limit of its acknowledgement.
const REQUEST: &str = r#"{"batch":1,"expires":1000000000}"#;

/// A request that is not answered for so long was lost.
const SILENCE: Duration = Duration::from_secs(4);

/// For what is still to be answered when the process ends.
const LEAVING: Duration = Duration::from_millis(1500);

pub(super) struct Worker {
    pub(super) nats: Nats,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) shutdown: CancellationToken,
}

/// Where the answers come, for as long as the worker works: the client subscribes anew whenever it is connected again.
struct Inbox {
    name: String,
    answers: Subscriber,
    /// Requests without an answer; the latest is the last.
    open: Vec<String>,
}

impl Worker {
    pub fn new(nats: &Nats, consumer: &Arc<dyn Consumer>, shutdown: &CancellationToken) -> Self {
        Self { nats: nats.clone(), consumer: consumer.clone(), shutdown: shutdown.clone() }
    }

    /// Works until `shutdown`, whatever becomes of the server.
    pub async fn run(self) {
        let client = self.nats.jetstream.client();
        let name = client.new_inbox();
        let subscribing = client.subscribe(format!("{name}.*")).await;
        let answers = subscribing.expect("the client lives as long as this, and so does the subject");
        let mut inbox = Inbox { name, answers, open: Vec::new() };
        let mut backoff = Backoff::default();
        while !self.shutdown.is_cancelled() {
            let changes = self.nats.link.changes();
            let Err(why) = self.work(&mut inbox, &mut backoff).await else { break };
            tracing::debug!(group = self.consumer.group(), kind = self.consumer.kind(), why, "no events for now");
            tokio::select! {
                () = sleep(backoff.next()) => {}
                // It may be back.
                () = self.nats.link.changed_since(changes) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        self.finish(inbox).await;
    }

    /// Works until `shutdown`, or until something is wrong, which is the error.
    async fn work(&self, inbox: &mut Inbox, backoff: &mut Backoff) -> Result<(), String> {
        let changes = self.nats.link.changes();
        self.nats.open_streams().await?;
        self.nats.open_consumer(self.consumer.group(), self.consumer.kind()).await?;
        // Those of another connection will not be answered.
        self.ask(inbox).await?;
        while !self.shutdown.is_cancelled() {
            if inbox.open.is_empty() {
                self.ask(inbox).await?;
            }
            let answer = tokio::select! {
                biased;
                answer = inbox.next(SILENCE) => answer,
                () = self.nats.link.changed_since(changes) => Err("another connection".to_owned()),
            };
            match answer {
                Ok(Some(message)) => self.deliver(message).await,
                Ok(None) => {}
                Err(why) => {
                    self.nats.doubt_streams().await;
                    return Err(why);
                }
            }
            backoff.reset();
        }
        Ok(())
    }

    async fn ask(&self, inbox: &mut Inbox) -> Result<(), String> {
        let consumer = name(self.consumer.group(), self.consumer.kind());
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.{consumer}");
        let request = format!("{}.{}", inbox.name, Uuid::new_v4().simple());
        inbox.open.push(request.clone());
        let asked = self.nats.jetstream.client().publish_with_reply(subject, request, REQUEST.into()).await;
        asked.map_err(|error| error.to_string())
    }

    /// Waits for what it has asked for.
    async fn finish(&self, mut inbox: Inbox) {
        while self.nats.is_connected() && !inbox.open.is_empty() {
            match inbox.next(LEAVING).await {
                Ok(Some(message)) => self.deliver(message).await,
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }
}

impl Inbox {
    /// The next event, or none if a request has ended without one.
    ///
    /// Errors: why the consumer has to be looked after.
    async fn next(&mut self, limit: Duration) -> Result<Option<Message>, String> {
        let Ok(answer) = timeout(limit, self.answers.next()).await else {
            self.open.clear();
            return Err("no answer".to_owned());
        };
        let message = answer.ok_or("the client has ended")?;
        let Some(status) = message.status else {
            // An event does not say which request it answers. Requests are answered in their order.
            if !self.open.is_empty() {
                self.open.remove(0);
            }
            return Ok(Some(message));
        };
        self.open.retain(|request| request != message.subject.as_str());
        match status {
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => Ok(None),
            status => Err(format!("{status} {}", message.description.unwrap_or_default())),
        }
    }
}
