//! `cargo xtask drill`: breaks a running system on purpose, and counts what its clients notice.

mod bus_away;
mod certificates;
mod collector_away;
mod compose;
mod consul_away;
mod database_away;
mod deadline;
mod hang;
mod identifiers;
mod killed;
mod load;
mod load_tests;
mod no_peers;
mod poison;
mod report;
mod retry_storm;
mod rolling_restart;
mod saga;
mod scraped;
mod sign_in;
mod slow;
mod slow_senders;
mod telemetry_cost;
mod traced;
mod watchers;

use std::{
    fmt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tokio::{select, signal::ctrl_c};

use self::report::figure;
use crate::{
    cluster::{Cluster, Folder},
    patience::within,
    programs::{Profile, Programs},
};

/// No drill of a cluster takes as long as this; one that does has found something that hangs.
const LIMIT: Duration = Duration::from_secs(150);

#[derive(Args)]
pub struct Options {
    /// Which drill
    name: Name,

    #[command(flatten)]
    saga: saga::Options,

    /// Build and drill the programs of the release profile
    #[arg(long, conflicts_with = "programs")]
    release: bool,

    /// Drill the programs of this folder, as somebody else has built them
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// One users instance is killed, and comes back
    Killed,
    /// Every instance of every service is restarted in turn
    RollingRestart,
    /// Consul is away for 30 s, and comes back knowing nothing
    ConsulAway,
    /// One users instance hangs for 10 s
    Hang,
    /// One users instance answers 100 ms later than the other
    Slow,
    /// Four hundred clients send a byte a second
    SlowSenders,
    /// The end of a request's time ends its statement in PostgreSQL
    Deadline,
    /// users fails entirely, and is not buried under retries
    RetryStorm,
    /// PostgreSQL is away for 20 s
    DatabaseAway,
    /// 2,000 orders, while orders, payments, NATS and PostgreSQL are killed again and again
    Saga,
    /// NATS is away for a minute
    BusAway,
    /// An event that nobody can handle is set aside, handed over again, and thrown away
    Poison,
    /// Every state of an order is seen by everybody who watches it, whatever is restarted meanwhile
    Watchers,
    /// Every scenario of the load tests, through both gateways
    LoadTests,
    /// A gateway is there before Consul and users are
    NoPeers,
    /// One order is one trace, whatever a client sends, and nothing tells what it must not
    Traced,
    /// The collector of telemetry hangs, is not there, or dies
    CollectorAway,
    /// Prometheus finds every instance, and has something for every panel and every rule
    Scraped,
    /// An OAuth client that is not ours signs a person in, at a real browser
    SignIn,
    /// Certificates of all services are replaced, by Consul and from files, and strangers come to their ports
    Certificates,
    /// What telemetry costs: a measurement, for --release and a quiet machine
    TelemetryCost,
    /// The containers of docker-compose.yml are killed, restarted, scaled and replaced
    Compose,
    /// All of them, one after the other; without certificates, for which Consul takes its time, without compose, which
    /// needs Docker and its images, and what is only measured
    All,
}

/// Runs what was asked for; the code is 1 when a drill fails.
#[tokio::main]
pub async fn run(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let all_passed = select! {
        all_passed = options.run(root) => all_passed?,
        _ = ctrl_c() => bail!("interrupted"),
    };
    Ok(ExitCode::from(u8::from(!all_passed)))
}

impl Options {
    /// Whether every drill passed. Errors: there is nothing to drill.
    async fn run(&self, root: &Path) -> anyhow::Result<bool> {
        if self.name == Name::Compose {
            return Ok(self.name.tell(within(compose::LIMIT, compose::run(root))).await.is_ok());
        }
        let programs = match &self.programs {
            Some(folder) => Programs::at(root, folder)?,
            None => Programs::build(root, if self.release { Profile::Release } else { Profile::Debug })?,
        };
        let (drills, mut failures) = (self.name.drills(), Vec::new());
        for name in &drills {
            if let Err(error) = name.tell(self.drill(*name, &programs)).await {
                failures.push(format!("drill {name}: FAILED: {error:#}"));
            }
        }
        // Of a long output the end is what is read, and often what is kept.
        if drills.len() > 1 {
            println!("{} of {} drills passed", drills.len() - failures.len(), drills.len());
            failures.iter().for_each(|failure| println!("{failure}"));
        }
        Ok(failures.is_empty())
    }

    /// In a cluster of its own, whose logs are kept where it fails.
    async fn drill(&self, name: Name, programs: &Programs) -> anyhow::Result<()> {
        Folder::with(async |folder| within(self.limit(name), self.story(name, programs, folder)).await).await
    }

    fn limit(&self, name: Name) -> Duration {
        match name {
            Name::Saga => self.saga.limit(),
            Name::BusAway => bus_away::LIMIT,
            _ => LIMIT,
        }
    }

    async fn story(&self, name: Name, programs: &Programs, folder: &Folder) -> anyhow::Result<()> {
        let mut cluster = Cluster::start(programs, folder).await.context("the cluster does not start")?;
        match name {
            Name::Killed => killed::run(&mut cluster).await,
            Name::RollingRestart => rolling_restart::run(&mut cluster).await,
            Name::ConsulAway => consul_away::run(&mut cluster).await,
            Name::Hang => hang::run(&cluster).await,
            Name::Slow => slow::run(&mut cluster).await,
            Name::SlowSenders => slow_senders::run(&cluster).await,
            Name::Deadline => deadline::run(&mut cluster).await,
            Name::RetryStorm => retry_storm::run(&mut cluster).await,
            Name::DatabaseAway => database_away::run(&mut cluster).await,
            Name::Saga => saga::run(&mut cluster, &self.saga).await,
            Name::BusAway => bus_away::run(&mut cluster).await,
            Name::Poison => poison::run(&mut cluster).await,
            Name::Watchers => watchers::run(&mut cluster).await,
            Name::LoadTests => load_tests::run(&cluster, programs, folder).await,
            Name::NoPeers => no_peers::run(&mut cluster).await,
            Name::Traced => traced::run(&mut cluster, folder).await,
            Name::CollectorAway => collector_away::run(&mut cluster, folder).await,
            Name::Scraped => scraped::run(&mut cluster, folder, programs).await,
            Name::SignIn => sign_in::run(&mut cluster, programs).await,
            Name::Certificates => certificates::run(&mut cluster, folder).await,
            Name::TelemetryCost => telemetry_cost::run(&mut cluster, folder).await,
            Name::Compose | Name::All => Ok(()),
        }
    }
}

impl Name {
    fn drills(self) -> Vec<Self> {
        let is_part = |name: &Self| !matches!(name, Self::TelemetryCost | Self::Compose | Self::All);
        match self {
            Self::All => Self::value_variants().iter().copied().filter(is_part).collect(),
            one => vec![one],
        }
    }

    /// Tells how a drill goes. Errors: its own.
    async fn tell(self, drill: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        println!("drill {self}");
        let began = Instant::now();
        let outcome = drill.await;
        figure("took", format_args!("{:.1} s", began.elapsed().as_secs_f64()));
        match &outcome {
            Ok(()) => println!("drill {self}: passed\n"),
            Err(error) => println!("drill {self}: FAILED: {error:#}\n"),
        }
        outcome
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        f.write_str(value.get_name())
    }
}
