//! The payments service: orders are charged, each once, and what is called off is given back. Nobody calls it: it hears
//! of orders, and tells what was paid.

mod app;
mod charger;
mod clients;
mod commands;
mod config;
mod domain;
mod error;
mod messages;
mod metrics;
mod provider;
mod store;

use std::{future::ready, sync::Arc};

use anyhow::Context;
use app::App;
use clients::Provider;
pub use commands::{Command, Task, run as run_task};
pub use config::{Cli, Config};
use database::Pool;
use discovery::Registry;
use events::{Bus, Consumers, Outbox};
use lifecycle::{Health, Process, listen};
use metrics::Metrics;
pub use provider::Config as ProviderConfig;
use provider::Simulated;
use sqlx::migrate::Migrator;
use store::Store;
use tokio::{sync::Notify, try_join};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Its name on the bus, and in the settings that change while it runs.
const SERVICE: &str = "payments";

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    let process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let registry = Registry::new(&cli.discovery)?;
    let live = registry.live(SERVICE);
    live.follow("log_filter", telemetry::set_log_filter);
    live.follow("sampling_ratio", telemetry::set_sampling_ratio);
    let health = process.health.clone();
    let prepare = async {
        let bus = Bus::connect(&cli.events, SERVICE).await?;
        let payments = Payments::build(&cli.config, &bus).await?;
        payments.report_to(&health, SERVICE);
        Ok(payments)
    };
    process.run(prepare, serve).await
}

/// The service, ready to work.
pub struct Payments {
    pool: Pool,
    provider: Simulated,
    app: App,
    consumers: Consumers,
    outbox: Outbox,
    bus: Bus,
}

impl Payments {
    /// Connects, migrates.
    pub async fn build(config: &Config, bus: &Bus) -> anyhow::Result<Self> {
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        events::migrate(&pool).await?;
        let provider = Simulated::open(&config.provider, &config.database).await?;
        let outbox = Outbox::new(SERVICE, &pool);
        let app = App {
            store: Store::new(pool.clone(), outbox.clone()),
            provider: Provider::new(provider.clone()),
            metrics: Metrics::new(),
            due: Arc::new(Notify::new()),
        };
        let consumers = messages::consumers(&app, &pool, bus, &outbox);
        Ok(Self { pool, provider, app, consumers, outbox, bus: bus.clone() })
    }

    /// Adds what this instance, called `name`, depends on to the process's report.
    pub fn report_to(&self, health: &Health, name: &str) {
        let pool = self.pool.clone();
        health.check(&format!("{name} database"), move || {
            let pool = pool.clone();
            async move { pool.ping().await }
        });
        let bus = self.bus.clone();
        health.describe(&format!("{name} -> bus"), move || ready(bus.report()));
    }
}

/// Works until `shutdown`, then finishes the charges and the events that are under way, and last tells what came of them.
pub async fn serve(payments: Payments, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Payments { pool, provider, app, consumers, outbox, bus } = payments;
    let told = CancellationToken::new();
    // Whatever becomes of this future, nothing of it goes on by itself.
    let charging = AbortOnDropHandle::new(tokio::spawn(charger::run(app, shutdown.clone())));
    let consuming = AbortOnDropHandle::new(tokio::spawn(consumers.run(shutdown)));
    let mut relaying = AbortOnDropHandle::new(tokio::spawn(outbox.relay(bus, told.clone())));
    tokio::select! {
        ended = async { try_join!(charging, consuming) } => drop(ended?),
        ended = &mut relaying => return ended.context("the relay ended by itself"),
    }
    told.cancel();
    relaying.await?;
    provider.close().await;
    pool.close().await;
    Ok(())
}
