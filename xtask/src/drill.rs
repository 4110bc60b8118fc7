//! `cargo xtask drill`: breaks a running system on purpose, and counts what its clients notice.

mod certificates;
mod cluster;
mod collector_away;
mod compose;
mod consul_away;
mod database_away;
mod deadline;
mod hang;
mod identifiers;
mod killed;
mod load;
mod no_peers;
mod patience;
mod programs;
mod report;
mod retry_storm;
mod rolling_restart;
mod scraped;
mod sign_in;
mod slow;
mod slow_senders;
mod telemetry_cost;
mod traced;

use std::{
    fmt,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tokio::{select, signal::ctrl_c};

use self::{
    cluster::{Cluster, Folder},
    patience::within,
    programs::Programs,
    report::figure,
};

/// No drill of a cluster takes as long as this; one that does has found something that hangs.
const LIMIT: Duration = Duration::from_secs(150);

#[derive(Args)]
pub struct Options {
    /// Which drill
    name: Name,

    /// Build and drill the programs of the release profile
    #[arg(long)]
    release: bool,
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
            return Ok(self.name.tell(within(compose::LIMIT, compose::run(root))).await);
        }
        let programs = Programs::build(root, self.release)?;
        let mut all_passed = true;
        for name in self.name.drills() {
            all_passed &= name.tell(name.run(&programs)).await;
        }
        Ok(all_passed)
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

    /// Tells how a drill goes; whether it passed.
    async fn tell(self, drill: impl Future<Output = anyhow::Result<()>>) -> bool {
        println!("drill {self}");
        let began = Instant::now();
        let outcome = drill.await;
        figure("took", format_args!("{:.1} s", began.elapsed().as_secs_f64()));
        match &outcome {
            Ok(()) => println!("drill {self}: passed\n"),
            Err(error) => println!("drill {self}: FAILED: {error:#}\n"),
        }
        outcome.is_ok()
    }

    /// In a cluster of its own, whose logs are kept where it fails.
    async fn run(self, programs: &Programs) -> anyhow::Result<()> {
        let mut folder = Folder::create()?;
        let outcome = within(LIMIT, self.story(programs, &folder)).await;
        if outcome.is_err() {
            folder.keep();
            figure("logs", folder.path().display());
        }
        outcome
    }

    async fn story(self, programs: &Programs, folder: &Folder) -> anyhow::Result<()> {
        let mut cluster = Cluster::start(programs, folder).await.context("the cluster does not start")?;
        match self {
            Self::Killed => killed::run(&mut cluster).await,
            Self::RollingRestart => rolling_restart::run(&mut cluster).await,
            Self::ConsulAway => consul_away::run(&mut cluster).await,
            Self::Hang => hang::run(&cluster).await,
            Self::Slow => slow::run(&mut cluster).await,
            Self::SlowSenders => slow_senders::run(&cluster).await,
            Self::Deadline => deadline::run(&mut cluster).await,
            Self::RetryStorm => retry_storm::run(&mut cluster).await,
            Self::DatabaseAway => database_away::run(&mut cluster).await,
            Self::NoPeers => no_peers::run(&mut cluster).await,
            Self::Traced => traced::run(&mut cluster, folder).await,
            Self::CollectorAway => collector_away::run(&mut cluster, folder).await,
            Self::Scraped => scraped::run(&mut cluster, folder, programs).await,
            Self::SignIn => sign_in::run(&mut cluster, programs).await,
            Self::Certificates => certificates::run(&mut cluster, folder).await,
            Self::TelemetryCost => telemetry_cost::run(&mut cluster, folder).await,
            Self::Compose | Self::All => Ok(()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        f.write_str(value.get_name())
    }
}
