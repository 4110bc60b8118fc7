//! `cargo xtask bench`: measures the programs of a build, or of two in turns: what a call costs, and what it is made of.

pub mod builds;
mod calls;
mod customer;
mod growth;
mod lines;
pub mod load;
mod machine;
mod meter;
mod pgbench;
pub mod shop;
mod start;
mod table;
mod trips;
mod wire;

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, value_parser};
use serde_json::{Map, Value, json};
use tokio::{select, signal::ctrl_c};

use self::{builds::Build, calls::Call, machine::Machine, shop::Shop};
use crate::cluster::Folder;

#[derive(Args)]
pub struct Options {
    /// What is measured
    #[arg(value_enum, default_value_t = What::Calls)]
    what: What,

    /// How often each is measured; the medians count
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroU32,

    #[command(flatten)]
    load: load::Options,

    /// Of the calls only this one
    #[arg(long, value_enum)]
    call: Option<Call>,

    /// How often each program is started
    #[arg(long, value_name = "N", default_value = "50")]
    starts: NonZeroU32,

    /// To how many orders the table grows, from a hundredth of them
    #[arg(long, value_name = "N", default_value = "10000000", value_parser = value_parser!(u64).range(1_000_000..=1_000_000_000))]
    orders: u64,

    /// A folder with the programs, instead of building those of the profile `dist`; `load` is used of this one only
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,

    /// Measures these as well, in turns: a folder with programs, or a revision that is built
    #[arg(long, value_name = "REVISION|FOLDER")]
    against: Option<String>,

    /// A setting of every program, as an environment variable
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<Setting>,

    /// The same for those of --against; without that, for the same programs, which are measured twice then
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set_against: Vec<Setting>,

    /// Writes every figure of every round as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// What clients see, processor time and memory of each process, by call
    Calls,
    /// What PostgreSQL spends on an order, against the same statements by pgbench
    Pgbench,
    /// From the start of a program to its readiness
    Start,
    /// Round trips to the databases, by lines of the order
    Lines,
    /// A page of orders when there are a hundred times as many; it needs some gigabytes, and minutes
    Growth,
    /// All of them
    All,
}

/// An environment variable. The names live as long as this program, being few.
pub type Setting = (&'static str, String);

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE")?;
    Ok((name.to_owned().leak(), value.to_owned()))
}

/// Errors: something does not start, or an answer is not what it should be.
#[tokio::main]
pub async fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    select! {
        outcome = options.run(root) => outcome,
        _ = ctrl_c() => bail!("interrupted"),
    }
}

impl Options {
    async fn run(&self, root: &Path) -> anyhow::Result<()> {
        let builds = Build::all(self, root)?;
        let figures = Folder::with(async |folder| self.measure(&builds, folder).await).await?;
        let Some(file) = &self.json else { return Ok(()) };
        fs::write(file, serde_json::to_string_pretty(&figures)?)
            .with_context(|| format!("{} cannot be written", file.display()))
    }

    async fn measure(&self, builds: &[Build], folder: &Folder) -> anyhow::Result<Value> {
        let mut shop = Shop::open(&builds[0], folder).await.context("the shop does not open")?;
        let machine = Machine::look(&shop).await?;
        println!("{machine}");
        let mut figures = Map::from_iter([("machine".to_owned(), json!(machine.to_string()))]);
        for what in self.what.parts() {
            let part = match what {
                What::Calls | What::All => calls::run(self, builds, &mut shop).await?,
                What::Pgbench => pgbench::run(self, &builds[0], &mut shop).await?,
                What::Start => start::run(self, builds, &mut shop).await?,
                What::Lines => lines::run(&builds[0], &mut shop).await?,
                What::Growth => growth::run(self, &builds[0], &mut shop).await?,
            };
            figures.insert(what.to_possible_value().context("it has a name")?.get_name().to_owned(), part);
        }
        Ok(figures.into())
    }
}

impl What {
    fn parts(self) -> Vec<Self> {
        match self {
            Self::All => Self::value_variants().iter().copied().filter(|what| *what != Self::All).collect(),
            one => vec![one],
        }
    }
}
