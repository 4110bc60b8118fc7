//! The shop: the database server, the instances of the services, and the order in which they end.

use std::{
    future::ready,
    io::{IsTerminal, stdin},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use events::Bus;
use futures::future::{FutureExt, select_all, try_join_all};
use gateway::Switch;
use lifecycle::Health;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    builder::{Builder, Instances},
    configs::{self, Configs},
    data::Data,
    database_server::DatabaseServer,
    demo,
    instance::Instance,
    options::Options,
    servers::{Addresses, Listeners},
    welcome,
};

pub struct Shop {
    addresses: Vec<Addresses>,
    /// In the order in which they end: nobody ends before those who call it, or whose events it hears. What somebody still
    /// tells then waits in its outbox.
    tiers: [Vec<Instance>; 4],
    /// Ends the server when it is dropped.
    database: DatabaseServer,
    /// Nobody else may use it while we do.
    _data: Data,
    demo: bool,
    started: Instant,
}

impl Shop {
    /// Everything but the welcome. `operations` is where the process is asked whether it is ready.
    pub async fn open(
        options: Options,
        listeners: Vec<Listeners>,
        health: Health,
        operations: SocketAddr,
    ) -> anyhow::Result<Self> {
        let started = Instant::now();
        let registry = configs::registry(&options)?;
        let data = Data::open(&options.data, options.fresh)?;
        let database = DatabaseServer::open(&options, &data).await?;
        let addresses: Vec<_> = listeners.iter().map(Listeners::addresses).collect::<Result<_, _>>()?;
        let first = addresses.first().context("there is at least one instance of each service")?;
        let configs = Configs::of(&database, &data, first, options.rate_limit).await?;
        let bus = Bus::in_process(&["orders", "payments"]);
        let told = registry.clone();
        health.describe("registry", move || ready(told.report()));
        let builder = Arc::new(Builder { configs, registry, bus, health, operations });
        let mut tiers = [const { Vec::new() }; 4];
        for (number, listeners) in (1..).zip(listeners) {
            let Instances { gateway, orders, payments, users } = builder.begin(number, listeners).await?;
            for (tier, instance) in tiers.iter_mut().zip([gateway, orders, payments, users]) {
                tier.push(instance);
            }
        }
        Ok(Self { addresses, tiers, database, _data: data, demo: options.demo == Switch::On, started })
    }

    /// Serves until `shutdown`. Then it ends from the outside in.
    pub async fn serve(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (mut hangup, in_terminal) = (signal(SignalKind::hangup())?, stdin().is_terminal());
        self.welcome().await?;
        loop {
            select! {
                () = shutdown.cancelled() => break,
                // A terminal that is closed hangs up as well: then there is nobody left who could end us.
                _ = hangup.recv() => match in_terminal && !stdin().is_terminal() {
                    true => break,
                    false => self.restart_each(&shutdown).await?,
                },
                error = self.any_ended() => return Err(error),
            }
        }
        for tier in &mut self.tiers {
            try_join_all(tier.iter_mut().map(Instance::stop)).await?;
        }
        self.database.stop().await
    }

    async fn welcome(&self) -> anyhow::Result<()> {
        let gateway = self.addresses.first().context("there is at least one gateway")?.gateway;
        let demo = if self.demo { Some(demo::fill(gateway).await?) } else { None };
        welcome::print(&self.addresses, demo.as_ref(), self.started.elapsed());
        Ok(())
    }

    /// A rolling restart: the others go on meanwhile. After `shutdown` nobody else is restarted.
    async fn restart_each(&mut self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        for instance in self.tiers.iter_mut().flatten().take_while(|_| !shutdown.is_cancelled()) {
            instance.restart().await?;
        }
        Ok(())
    }

    async fn any_ended(&mut self) -> anyhow::Error {
        let ends = self.tiers.iter_mut().flatten().map(|instance| instance.ended().boxed());
        select_all(ends).await.0
    }
}
