//! Orders are placed while orders, payments, NATS and PostgreSQL are killed again and again: nothing that was acknowledged
//! is lost, nothing takes effect twice, and all books agree in the end.

mod audit;
mod books;
mod chaos;
mod shoppers;

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use fastrand::Rng;
use tokio::{
    time::{Instant, sleep},
    try_join,
};
use tokio_util::sync::CancellationToken;

use self::{books::Books, chaos::Chaos, shoppers::Shoppers};
use super::{
    load::Clientele,
    report::{figure, heading, seconds},
};
use crate::cluster::{Cluster, aftermath};

/// As long as it takes at least.
const ORDERS: usize = 2000;

/// Beside the time that was asked for; some three times what it takes.
const LIMIT: Duration = Duration::from_secs(300);

/// An outbox whose relay was killed is free again after half a minute; a slow machine has some thousand events to catch up on.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// The provider of payments has bad days only.
const PROVIDER: [(&str, &str); 3] =
    [("PROVIDER_LATENCY_MS", "20"), ("PROVIDER_DECLINE_RATE", "0.1"), ("PROVIDER_FAILURE_RATE", "0.1")];

#[derive(Args)]
#[group(skip)]
pub struct Options {
    /// saga: for how long at least; without it, as long as 2,000 orders take
    #[arg(long, default_value = "0")]
    minutes: u64,

    /// saga: who is killed when, who orders what; without it, something else each time
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    pub fn limit(&self) -> Duration {
        LIMIT + self.lasts()
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs(60 * self.minutes)
    }
}

pub async fn run(cluster: &mut Cluster, options: &Options) -> anyhow::Result<()> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    figure("--seed", seed);
    let mut rng = Rng::with_seed(seed);
    cluster.restart_payments(&PROVIDER).await?;
    let stock = books::stock(cluster).await?;
    let clientele = Clientele::gather(&cluster.front()).await?;

    heading("orders, while everybody is killed in turn");
    let began = Instant::now();
    let shoppers = Shoppers::start(&clientele, &mut rng, ORDERS, began + options.lasts());
    let (served, enough) = (shoppers.served(), CancellationToken::new());
    let shop = async {
        // Whatever comes of it, nobody has to be killed any more.
        let _enough = enough.clone().drop_guard();
        shoppers.come_home().await
    };
    let (told, chaos) = try_join!(shop, Chaos::reign(cluster, &mut rng, served, &enough))?;
    figure("orders acknowledged", format_args!("{} in {}", told.orders.len(), seconds(began.elapsed())));
    figure("answers that were no answer", told.excuses());
    figure("requests sent again", told.sent_again);
    figure("asked for again, and the same order", told.confirmed_again);
    figure("killed", &chaos);
    figure("ended by themselves, and started again", chaos.ended);
    ensure!(chaos.reached_everybody(), "somebody was not even killed");

    heading("when all is over");
    let (took, rest) = aftermath::is_over(cluster, SETTLED_WITHIN).await?;
    figure("settled after the last was back", seconds(took));
    let mut books = Books::read(cluster, told, stock).await?;
    books.acknowledged.extend(clientele.orders());
    books.tell();
    figure("events told, delivered, heard", format_args!("{}, {}, {}", rest.told, books.deliveries, rest.heard));
    audit::agree(&books, &rest)
}

/// As random as anything else here: the seed decides.
async fn wait_for_up_to(rng: &mut Rng, limit: Duration) {
    sleep(limit.mul_f64(rng.f64())).await;
}
