//! Listening: what is published from now on, with no memory.

use async_nats::{SubscribeError, Subscriber};
use futures::{
    StreamExt,
    stream::{self, Stream},
};
use tokio::task::JoinHandle;

use super::{Nats, link::Link, wire};
use crate::Envelope;

impl Nats {
    /// The events of one package; `None` where some may have been missed.
    pub fn listen(&self, package: &str) -> impl Stream<Item = Option<Envelope>> + Send + use<> {
        let (client, subject) = (self.jetstream.client(), wire::subject(&format!("{package}.>")));
        let subscribing = tokio::spawn(async move { client.subscribe(subject).await });
        let ear = Ear { link: self.link.clone(), gaps: self.link.gaps(), subscribing, heard: None };
        stream::unfold(ear, |mut ear| async { Some((ear.next().await?, ear)) })
    }
}

struct Ear {
    link: Link,
    /// Those that the listener knows of.
    gaps: u64,
    subscribing: JoinHandle<Result<Subscriber, SubscribeError>>,
    heard: Option<Subscriber>,
}

impl Ear {
    /// Never the end, unless the client has ended.
    async fn next(&mut self) -> Option<Option<Envelope>> {
        if self.heard.is_none() {
            self.heard = Some((&mut self.subscribing).await.ok()?.ok()?);
        }
        let heard = self.heard.as_mut()?;
        loop {
            let message = tokio::select! {
                biased;
                message = heard.next() => message?,
                () = self.link.gap_since(self.gaps) => {
                    self.gaps = self.link.gaps();
                    return Some(None);
                }
            };
            // What is no event is for the consumers to complain of.
            if let Ok(event) = wire::event(message.headers.as_ref(), message.payload) {
                return Some(Some(event));
            }
        }
    }
}
