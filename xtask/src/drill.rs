//! `cargo xtask drill`: breaks a running system on purpose, and counts what its clients notice.

mod cluster;
mod consul_away;
mod database_away;
mod deadline;
mod hang;
mod killed;
mod load;
mod no_peers;
mod patience;
mod programs;
mod report;
mod retry_storm;
mod rolling_restart;
mod slow;

use std::{
    fmt,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tokio::{select, signal::ctrl_c, time::timeout};

use self::{
    cluster::{Cluster, Folder},
    programs::Programs,
    report::figure,
};

/// No drill takes as long as this; one that does has found something that hangs.
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
    /// The end of a request's time ends its statement in PostgreSQL
    Deadline,
    /// users fails entirely, and is not buried under retries
    RetryStorm,
    /// PostgreSQL is away for 20 s
    DatabaseAway,
    /// A gateway is there before Consul and users are
    NoPeers,
    /// All of them, one after the other
    All,
}

/// Runs what was asked for; the code is 1 when a drill fails.
#[tokio::main]
pub async fn run(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let programs = Programs::build(root, options.release)?;
    let mut all_passed = true;
    for name in options.name.drills() {
        all_passed &= select! {
            passed = name.run(&programs) => passed?,
            _ = ctrl_c() => bail!("interrupted"),
        };
    }
    Ok(ExitCode::from(u8::from(!all_passed)))
}

impl Name {
    fn drills(self) -> Vec<Self> {
        match self {
            Self::All => Self::value_variants().iter().copied().filter(|name| *name != Self::All).collect(),
            one => vec![one],
        }
    }

    /// Whether the drill passed. Errors: there is nowhere to run it.
    async fn run(self, programs: &Programs) -> anyhow::Result<bool> {
        let (mut folder, began) = (Folder::create()?, Instant::now());
        println!("drill {self}");
        let outcome = timeout(LIMIT, self.story(programs, &folder)).await.context("it hangs").flatten();
        figure("took", format_args!("{:.1} s", began.elapsed().as_secs_f64()));
        match &outcome {
            Ok(()) => println!("drill {self}: passed\n"),
            Err(error) => {
                folder.keep();
                figure("logs", folder.path().display());
                println!("drill {self}: FAILED: {error:#}\n");
            }
        }
        Ok(outcome.is_ok())
    }

    async fn story(self, programs: &Programs, folder: &Folder) -> anyhow::Result<()> {
        let mut cluster = Cluster::start(programs, folder).await.context("the cluster does not start")?;
        match self {
            Self::Killed => killed::run(&mut cluster).await,
            Self::RollingRestart => rolling_restart::run(&mut cluster).await,
            Self::ConsulAway => consul_away::run(&mut cluster).await,
            Self::Hang => hang::run(&cluster).await,
            Self::Slow => slow::run(&mut cluster).await,
            Self::Deadline => deadline::run(&mut cluster).await,
            Self::RetryStorm => retry_storm::run(&mut cluster).await,
            Self::DatabaseAway => database_away::run(&mut cluster).await,
            Self::NoPeers => no_peers::run(&mut cluster).await,
            Self::All => Ok(()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        f.write_str(value.get_name())
    }
}
