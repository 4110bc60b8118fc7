//! Somebody who watches an order as a browser does: comes back with the last id that was seen, to another gateway if need
//! be, until there is nothing more to see.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::stream::{Event, Reader};
use crate::{cluster::client, drill::load::Customer};

/// A stream ends by itself long before.
const TIMEOUT: Duration = Duration::from_secs(60);

const COMES_BACK_AFTER: Duration = Duration::from_millis(200);

const GIVES_UP_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Versions, and the states that they are, in the order in which they came.
    pub states: Vec<(i64, String)>,
    /// How often a stream ended before its order was settled.
    pub cuts: usize,
}

impl Seen {
    /// Errors: something else was seen, or something twice, or in another order.
    pub fn is_exactly(&self, expected: &[(i64, &str)]) -> anyhow::Result<()> {
        let states: Vec<_> = self.states.iter().map(|(version, status)| (*version, status.as_str())).collect();
        ensure!(states == expected, "what was seen is {states:?}, and not {expected:?}");
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.states.last().is_some_and(|(_, status)| status != "pending")
    }
}

pub struct Watcher {
    client: Client,
    gateways: Vec<SocketAddr>,
    order: String,
    token: String,
    seen: Seen,
}

impl Watcher {
    pub fn new(customer: &Customer, order: &str, gateways: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let (order, token) = (order.to_owned(), customer.token.clone());
        Ok(Self { client: client(TIMEOUT)?, gateways, order, token, seen: Seen::default() })
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Until it is told that there is nothing more to see.
    pub async fn watch(self) -> anyhow::Result<Seen> {
        Ok(self.watch_on().await?.seen)
    }

    /// The same for one who will watch again.
    pub async fn watch_on(mut self) -> anyhow::Result<Self> {
        let mut since = Instant::now();
        while since.elapsed() < GIVES_UP_AFTER {
            let before = self.seen.states.len();
            if self.is_told_all(usize::MAX).await? {
                return Ok(self);
            }
            if self.seen.states.len() > before {
                since = Instant::now();
            }
            self.gateways.rotate_left(1);
            sleep(COMES_BACK_AFTER).await;
        }
        bail!("nothing new is seen for {} s, after {:?}", GIVES_UP_AFTER.as_secs(), self.seen)
    }

    /// Hangs up after the first state.
    pub async fn look_once(&mut self) -> anyhow::Result<()> {
        self.is_told_all(1).await.map(drop)
    }

    /// Over one connection, until it ends or so many states were seen; whether there is nothing more to see.
    ///
    /// Errors: the answer is neither a stream nor a reason to come again.
    async fn is_told_all(&mut self, states: usize) -> anyhow::Result<bool> {
        // A gateway that is not there is one that comes back.
        let Ok(answer) = self.ask().await else { return Ok(false) };
        match answer.status() {
            StatusCode::OK => self.listen(answer, states).await?,
            StatusCode::NO_CONTENT => return Ok(true),
            StatusCode::SERVICE_UNAVAILABLE => {}
            status => bail!("watching order {}: {status}: {}", self.order, answer.text().await?),
        }
        Ok(false)
    }

    async fn ask(&self) -> reqwest::Result<Response> {
        let url = format!("http://{}/v1/orders/{}/events", self.gateways[0], self.order);
        let mut request = self.client.get(url).bearer_auth(&self.token);
        if let Some((version, _)) = self.seen.states.last() {
            request = request.header("last-event-id", version.to_string());
        }
        request.send().await
    }

    async fn listen(&mut self, mut answer: Response, states: usize) -> anyhow::Result<()> {
        let (mut reader, enough) = (Reader::default(), self.seen.states.len().saturating_add(states));
        // A connection that breaks is one that ends.
        while let Ok(Some(piece)) = answer.chunk().await {
            for event in reader.read(&piece) {
                self.seen.states.push(state(&event).with_context(|| format!("{event:?}"))?);
            }
            if self.seen.states.len() >= enough {
                return Ok(());
            }
        }
        self.seen.cuts += usize::from(!self.seen.is_settled());
        Ok(())
    }
}

fn state(event: &Event) -> anyhow::Result<(i64, String)> {
    ensure!(event.name == "order", "it is not of an order");
    let order: Value = serde_json::from_str(&event.data)?;
    Ok((event.id.parse()?, order["status"].as_str().context("an order has a status")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_or_seen_twice_or_too_early_is_noticed() {
        let expected = [(1, "pending"), (2, "confirmed")];
        let seen = |versions: &[usize]| Seen {
            states: versions.iter().map(|version| (*version as i64, expected[version - 1].1.to_owned())).collect(),
            cuts: 0,
        };
        assert!(seen(&[1, 2]).is_exactly(&expected).is_ok());
        for wrong in [&[1][..], &[2], &[1, 1, 2], &[1, 2, 2], &[2, 1], &[]] {
            assert!(seen(wrong).is_exactly(&expected).is_err(), "{wrong:?}");
        }
    }
}
