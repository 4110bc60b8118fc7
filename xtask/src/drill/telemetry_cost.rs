//! What telemetry costs: processor time of the read path without it, at a sampling of 10 %, and at 100 %.
//!
//! A measurement: it fails only where something does not run. It wants `--release` and a quiet machine.

use std::{sync::Arc, time::Duration};

use anyhow::Context;

use super::{
    load::{Clientele, LOOKING, Load, Pace},
    report::{figure, heading},
};
use crate::{
    cluster::{Cluster, Collector, Folder, Instance},
    figures::Spread,
};

/// The same three ways again and again, since a machine is not always as fast; the first round is for warming up.
const ROUNDS: usize = 6;

const REQUESTS: usize = 6000;

/// The ways in which the programs are started: what is off, what is on at which ratio.
const WAYS: [(&str, &str, &str); 3] = [("off", "true", "0"), ("at 10 %", "false", "0.1"), ("at 100 %", "false", "1")];

pub async fn run(cluster: &mut Cluster, folder: &Folder) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let collector = Collector::start_forgetful(cluster, folder).await?;
    cluster.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.grpc_url());
    cluster.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    heading("processor time a request, gateway and orders together");
    let mut costs: [Vec<f64>; WAYS.len()] = Default::default();
    for round in 0..ROUNDS {
        for ((_, disabled, ratio), costs) in WAYS.iter().zip(&mut costs) {
            cluster.set("OTEL_SDK_DISABLED", disabled);
            cluster.set("OTEL_TRACES_SAMPLER_ARG", ratio);
            cluster.start_over().await?;
            let cost = cost_of_a_request(cluster, &clientele).await?;
            costs.extend((round > 0).then_some(cost));
        }
    }
    let off = costs[0].clone();
    for ((way, ..), costs) in WAYS.iter().zip(costs) {
        let taxes = costs.iter().zip(&off).map(|(cost, off)| (cost / off - 1.0) * 100.0).collect();
        let (cost, tax) = (median(costs)?, median(taxes)?);
        figure(way, format_args!("{cost:.0} µs, {tax:+.1} % (medians of {} rounds)", ROUNDS - 1));
    }
    Ok(())
}

/// In microseconds.
async fn cost_of_a_request(cluster: &Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<f64> {
    let load = Load::start(clientele, LOOKING, Pace::Workers(8));
    // What has just been started has to grow its pools and its memory first.
    load.end_more(2000).await?;
    let (before, ended) = (processor_time(cluster)?, load.ended());
    load.end_more(REQUESTS).await?;
    let (spent, requests) = (processor_time(cluster)? - before, load.ended() - ended);
    load.stop().await?;
    Ok(spent.as_secs_f64() * 1e6 / requests as f64)
}

fn processor_time(cluster: &Cluster) -> anyhow::Result<Duration> {
    cluster.orders.iter().chain(&cluster.gateways).map(Instance::processor_time).sum()
}

fn median(values: Vec<f64>) -> anyhow::Result<f64> {
    Ok(Spread::of(values.into_iter()).context("there are some")?.median)
}
