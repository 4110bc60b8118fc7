//! NATS JetStream: a stream of events, and consumers that it remembers.

mod consuming;
mod dead_letters;
mod delivery;
mod link;
mod listening;
mod publishing;
mod streams;
mod wire;
mod worker;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::{
    ConnectOptions, ServerAddr,
    connection::State,
    jetstream::{Context, ContextBuilder},
};
use tokio::time::{Instant, sleep};

pub(crate) use self::dead_letters::{DeadLetters, Letter};
use self::{link::Link, streams::Streams};
use crate::Config;

/// For the answer to whatever is asked, on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A server that is silent for two of these has gone.
const PING_INTERVAL: Duration = Duration::from_secs(5);

const LONGEST_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Between two looks whether it is connected.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection to NATS, which is made anew for as long as this exists. Copies share it.
#[derive(Clone, Debug)]
pub(crate) struct Nats {
    jetstream: Context,
    link: Link,
    streams: Streams,
    max_deliver: u32,
}

impl Nats {
    /// Begins to connect.
    ///
    /// Errors: the settings make no sense.
    pub async fn connect(config: &Config, service: &'static str) -> anyhow::Result<Self> {
        let link = Link::default();
        let client = options(config, service, &link)?.connect(servers(&config.nats_url)?).await?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_LIMIT).build(client);
        Ok(Self { jetstream, link, streams: Streams::default(), max_deliver: config.events_max_deliver })
    }

    /// Whether it is connected.
    pub fn report(&self) -> Result<String, String> {
        if self.is_connected() { Ok("connected".to_owned()) } else { Err(self.why_away()) }
    }

    /// Waits until it is connected, but not for ever.
    ///
    /// Errors: why it is not.
    async fn connected(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        while !self.is_connected() {
            ensure!(Instant::now() < deadline, "the bus is away: {}", self.why_away());
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.jetstream.client().connection_state() == State::Connected
    }

    fn why_away(&self) -> String {
        self.link.trouble().unwrap_or_else(|| "not connected".to_owned())
    }
}

fn options(config: &Config, service: &'static str, link: &Link) -> anyhow::Result<ConnectOptions> {
    let heard = link.clone();
    let options = ConnectOptions::new()
        .name(service)
        // A service may read what is answered to itself, and nobody else may.
        .custom_inbox_prefix(format!("_INBOX_{service}"))
        // Start-up waits for nothing: what is told meanwhile is safe in the outbox.
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .connection_timeout(ANSWER_LIMIT)
        .request_timeout(Some(ANSWER_LIMIT))
        .ping_interval(PING_INTERVAL)
        .event_callback(move |event| {
            let heard = heard.clone();
            async move { heard.tell(event) }
        });
    match (&config.nats_user, &config.nats_password) {
        (Some(user), Some(password)) => Ok(options.user_and_password(user.clone(), password.expose().to_owned())),
        (user, password) => {
            ensure!(user.is_none() && password.is_none(), "NATS_USER and NATS_PASSWORD need each other");
            Ok(options)
        }
    }
}

fn servers(urls: &str) -> anyhow::Result<Vec<ServerAddr>> {
    urls.split(',').map(server).collect()
}

fn server(url: &str) -> anyhow::Result<ServerAddr> {
    let server: ServerAddr = url.trim().parse().context("NATS_URL is no URL of a NATS server")?;
    ensure!(!server.has_user_pass(), "NATS_URL carries no user: NATS_USER and NATS_PASSWORD do");
    Ok(server)
}

/// Grows from 10 ms; some of it is left to chance, so that the services do not come back all at once.
fn reconnect_delay(attempt: usize) -> Duration {
    let longest = Duration::from_millis(10).saturating_mul(1 << attempt.min(16)).min(LONGEST_RECONNECT_DELAY);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_servers_are_separated_by_commas() {
        let servers = servers("nats://one:4222, nats://two:4223").unwrap();
        let addresses: Vec<_> = servers.iter().map(|server| (server.host().to_owned(), server.port())).collect();
        assert_eq!(addresses, [("one".to_owned(), 4222), ("two".to_owned(), 4223)]);
    }

    #[test]
    fn a_password_in_the_url_is_refused() {
        let error = servers("nats://orders:secret@one:4222").unwrap_err();
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
    }

    #[test]
    fn nobody_waits_longer_than_two_seconds_to_come_back() {
        assert!((0..100).all(|attempt| reconnect_delay(attempt) <= LONGEST_RECONNECT_DELAY));
    }
}
