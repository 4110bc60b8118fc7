//! Four hundred clients send a byte a second, half of them their heads and half their bodies: each is cut, and nobody else
//! notices them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    select,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    load::{Clientele, Load, Outcomes, Pace, SHOPPING},
    report::{figure, latencies, no_slower, none_failed, seconds},
};
use crate::cluster::Cluster;

const SENDERS_OF_EACH_KIND: usize = 200;

/// How long things are watched without them, and with them: who is cut comes again.
const WATCHED: Duration = Duration::from_secs(20);

/// What a noisy machine may add to twice the normal latency.
const NOISE: Duration = Duration::from_millis(20);

/// What a busy machine may add to the time that a gateway gives.
const DELAY: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    Head,
    Body,
}

/// How a slow sender was got rid of.
struct Cut {
    after: Duration,
    answer: String,
}

pub async fn run(cluster: &Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    no_slower("with them", NOISE, async || look(cluster, &clientele).await).await
}

/// What others notice without them, and with them. Errors: one of them is not cut, or somebody else's request fails.
async fn look(cluster: &Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<[Outcomes; 2]> {
    let load = Load::start(clientele, SHOPPING, Pace::PerSecond(100));
    load.end_more(200).await?;
    let alone = Instant::now();
    sleep(WATCHED).await;

    let enough = CancellationToken::new();
    let [heads, bodies] = [Slow::Head, Slow::Body].map(|slow| slow.start(&cluster.front(), &enough));
    let together = Instant::now();
    sleep(WATCHED).await;
    let ended = Instant::now();
    enough.cancel();
    let cuts = [(Slow::Head, heads.join_all().await), (Slow::Body, bodies.join_all().await)];

    let outcomes = load.stop().await?;
    let (without, with) = (outcomes.between(alone, together), outcomes.between(together, ended));
    latencies("latency without them", &without);
    latencies("latency with them", &with);
    for (slow, cuts) in cuts {
        slow.judge(&cuts.into_iter().flatten().collect::<Vec<_>>())?;
    }
    none_failed("failed requests of others", &outcomes)?;
    Ok([without, with])
}

impl Slow {
    fn start(self, gateways: &[SocketAddr], enough: &CancellationToken) -> JoinSet<Vec<Cut>> {
        let mut senders = JoinSet::new();
        for gateway in gateways.iter().copied().cycle().take(SENDERS_OF_EACH_KIND) {
            let enough = enough.clone();
            senders.spawn(async move {
                let mut cuts = Vec::new();
                while let Some(cut) = enough.run_until_cancelled(self.send(gateway)).await {
                    cuts.extend(cut);
                }
                cuts
            });
        }
        senders
    }

    /// A byte a second, until the connection ends; none, if there is no connection.
    async fn send(self, gateway: SocketAddr) -> Option<Cut> {
        let (mut stream, began) = (TcpStream::connect(gateway).await.ok()?, Instant::now());
        stream.write_all(self.quickly()).await.ok()?;
        let (mut reader, mut writer) = stream.split();
        let mut answer = Vec::new();
        let dribble = async {
            while writer.write_all(b" ").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
            // What was answered is still there to be read.
            std::future::pending().await
        };
        select! {
            _ = timeout(2 * self.allowed(), reader.read_to_end(&mut answer)) => {}
            () = dribble => {}
        }
        Some(Cut { after: began.elapsed(), answer: String::from_utf8_lossy(&answer).into_owned() })
    }

    /// What is sent at once.
    fn quickly(self) -> &'static [u8] {
        match self {
            Self::Head => b"GET /v1/products HTTP/1.1\r\nHost: joist.drill\r\nX-Slow: ",
            Self::Body => {
                b"POST /v1/sessions HTTP/1.1\r\nHost: joist.drill\r\nContent-Type: application/json\r\n\
                  Content-Length: 1000\r\n\r\n"
            }
        }
    }

    /// The time that a gateway gives: for a head; for a whole request, and a second to hear that it is over.
    fn allowed(self) -> Duration {
        match self {
            Self::Head => Duration::from_secs(10),
            Self::Body => Duration::from_secs(5 + 1),
        }
    }

    fn judge(self, cuts: &[Cut]) -> anyhow::Result<()> {
        let name = format!("{self:?}").to_lowercase();
        let slowest = cuts.iter().map(|cut| cut.after).max().unwrap_or_default();
        figure(&format!("slow senders of a {name} that were cut"), cuts.len());
        figure("the last of them after", seconds(slowest));
        ensure!(cuts.len() >= SENDERS_OF_EACH_KIND, "of {SENDERS_OF_EACH_KIND}, {} were cut", cuts.len());
        ensure!(slowest <= self.allowed() + DELAY, "a slow {name} was waited for: {}", seconds(slowest));
        let told = cuts.iter().filter(|cut| cut.answer.starts_with("HTTP/1.1 408 ")).count();
        figure("of which were told so with 408", told);
        ensure!(self == Self::Head || told == cuts.len(), "{told} of {} were told why", cuts.len());
        Ok(())
    }
}
