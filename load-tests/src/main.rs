//! `cargo load`: customers who come at a rate, whether or not the shop keeps up, and what they see of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool answers on stdout and stderr")]

mod catalogue;
mod customers;
mod engine;
mod options;
mod progress;
mod recorder;
mod report;
mod scenarios;
mod series;
mod shop;
mod thresholds;

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use customers::Customers;
use engine::Plan;
use options::Options;
use recorder::Recorder;
use report::Report;
use shop::Shop;
use thresholds::Thresholds;
use tokio_util::sync::CancellationToken;

/// A threshold is missed.
const MISSED: u8 = 1;

/// There was nothing to measure.
const CANNOT_RUN: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(MISSED),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Whether every threshold was kept. Errors: what was asked for cannot be run.
async fn run(options: &Options) -> anyhow::Result<bool> {
    let thresholds = Thresholds::read(options.thresholds.as_deref())?;
    let plan = Plan::of(options);
    let recorder = Arc::new(Recorder::new(plan.warm_up));
    let shops = Shop::open_all(&options.target, &recorder)?;
    eprintln!("{} customers sign up", options.customers);
    let customers = Customers::sign_up(&shops, options.customers, options.scenario).await?;
    let stop = CancellationToken::new();
    let watching = tokio::spawn(progress::watch(recorder.clone(), plan.warm_up + plan.duration, stop.clone()));
    let renewing = tokio::spawn(customers.clone().renew(stop.clone()));
    let end = engine::run(&plan, options.scenario, customers, &recorder).await;
    stop.cancel();
    let ((), ()) = tokio::try_join!(watching, renewing)?;
    let report = Report::of(options, &plan, &recorder, end);
    let missed = thresholds.missed(options.scenario, &report);
    println!("{report}");
    for miss in &missed {
        println!("missed: {miss}");
    }
    write(options.json.as_deref(), || Ok(serde_json::to_string_pretty(&report)?))?;
    write(options.html.as_deref(), || Ok(report::html::page(&report, &missed)))?;
    Ok(missed.is_empty())
}

fn write(path: Option<&Path>, text: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    fs::write(path, text()?).with_context(|| format!("{} cannot be written", path.display()))
}
