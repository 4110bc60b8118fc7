//! Prometheus as it is deployed finds every instance, every panel and every rule has something to show, and no client
//! can make the number of series grow.

mod configuration;
mod dashboards;
mod expressions;
mod promql;
mod stray;
mod tour;
mod variables;

use std::{collections::BTreeSet, mem, time::Duration};

use anyhow::ensure;
use tokio::time::Instant;

use self::{configuration::Places, expressions::Expression};
use super::{
    identifiers::has_uuid,
    load::{Clientele, Load, Pace, SHOPPING},
    report::{figure, heading, seconds},
};
use crate::{
    cluster::{Cluster, Collector, Folder, Forwarder, Instance, Prometheus},
    patience::until,
    programs::Programs,
};

/// Those that are in Consul.
const SERVICES: [&str; 3] = ["gateway", "orders", "users"];

/// All of ours.
const OURS: &str = "job=~\"gateway|orders|users|payments\"";

/// From the start of Prometheus.
const FOUND_WITHIN: Duration = Duration::from_secs(15);

/// From the end of the tour: two scrapes, some evaluations of rules that need each other, what services look at only every
/// few seconds, and all of that on a slow machine.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

const STRAY_REQUESTS: usize = 200;

/// What may come for other reasons.
const GROWTH: u64 = 5;

pub async fn run(cluster: &mut Cluster, folder: &Folder, programs: &Programs) -> anyhow::Result<()> {
    let collector = Collector::start(cluster, folder).await?;
    let mut silent = Forwarder::at(cluster.ports.take()?);
    silent.ignore().await?;
    export_to(cluster, &collector, &silent);
    let address = cluster.ports.take()?;
    let payments = cluster.payments.iter().map(Instance::address).collect();
    let places = Places { consul: cluster.agent.address(), payments };
    let configuration = configuration::copy(&programs.root, folder, &places)?;
    let prometheus = Prometheus::start(cluster, folder, address, &configuration).await?;
    // It takes some seconds before it asks for the first time.
    cluster.start_over().await?;
    let clientele = Clientele::gather(&cluster.front()).await?;

    heading("targets");
    all_are_found(cluster, &prometheus).await?;
    heading("panels and rules");
    tour::everywhere(cluster, &clientele).await?;
    let load = Load::start(&clientele, SHOPPING, Pace::PerSecond(40));
    let mut expressions = dashboards::expressions(&programs.root)?;
    expressions.extend(expressions::of_rules(&prometheus).await?);
    let shown = all_show_something(&prometheus, expressions).await;
    load.stop().await?;
    shown?;
    heading("series");
    series_are_bounded(cluster, &clientele, &prometheus).await
}

/// To a collector; one instance to one that says nothing, so that there is loss to be shown.
fn export_to(cluster: &mut Cluster, collector: &Collector, silent: &Forwarder) {
    cluster.set("OTEL_METRICS_EXPORTER", "prometheus");
    // So that there are certificates whose end can be told.
    cluster.set("PEER_TLS", "consul");
    cluster.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    cluster.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.grpc_url());
    let [_, lossy] = &mut cluster.orders;
    lossy.set("OTEL_EXPORTER_OTLP_ENDPOINT", format_args!("http://{}", silent.address()));
    lossy.set("OTEL_EXPORTER_OTLP_TIMEOUT", 500);
    for queue in ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"] {
        lossy.set(queue, 8);
    }
}

/// Under the names that they have in Consul, where they are, and no others.
async fn all_are_found(cluster: &Cluster, prometheus: &Prometheus) -> anyhow::Result<()> {
    let mut registered = BTreeSet::new();
    for service in SERVICES {
        let ids = cluster.agent.ids(service).await?;
        registered.extend(ids.into_iter().map(|id| (service.to_owned(), id)));
    }
    ensure!(registered.len() == 2 * SERVICES.len(), "Consul knows {registered:?}");
    registered.extend(cluster.payments.iter().map(|it| (it.service().name().to_owned(), it.address().to_string())));
    let mut targets = Vec::new();
    let found = async || {
        targets = prometheus.targets().await.unwrap_or_default();
        let up = targets.iter().filter(|target| target.is_up);
        up.map(|target| (target.job.clone(), target.instance.clone())).collect::<BTreeSet<_>>() == registered
    };
    let took = until("every instance is a target that is up", FOUND_WITHIN, found).await;
    for target in &targets {
        figure(&target.instance, format_args!("{} {}", if target.is_up { "up" } else { "down:" }, target.error));
    }
    figure("all up after", seconds(took?));
    let down = targets.iter().filter(|target| !target.is_up).count();
    ensure!(down == 0, "{down} targets are down");
    Ok(())
}

/// Errors: an expression gives nothing, even after a while.
async fn all_show_something(prometheus: &Prometheus, expressions: Vec<Expression>) -> anyhow::Result<()> {
    let (count, mut empty) = (expressions.len(), expressions);
    ensure!(count > 0, "there are no expressions at all");
    let began = Instant::now();
    let all_give = async || {
        let mut still_empty = Vec::new();
        for mut expression in mem::take(&mut empty) {
            if !expression.has_an_answer(prometheus).await {
                still_empty.push(expression);
            }
        }
        empty = still_empty;
        empty.is_empty()
    };
    let outcome = until("every expression gives something", SHOWN_WITHIN, all_give).await;
    figure("expressions that give something", format_args!("{} of {count}", count - empty.len()));
    figure("after", seconds(began.elapsed()));
    for expression in &empty {
        println!("  nothing for {expression}");
    }
    outcome.map(drop)
}

async fn series_are_bounded(cluster: &Cluster, clientele: &Clientele, prometheus: &Prometheus) -> anyhow::Result<()> {
    for labels in prometheus.labels(&format!("{{{OURS}}}")).await? {
        for (label, value) in labels.iter().filter(|(label, _)| *label != "service_instance_id") {
            ensure!(!has_uuid(value), "an id in a label: {label} is {value} in {labels:?}");
        }
    }
    for series in prometheus.query(&format!("count by (instance) ({{{OURS}, instance!=\"\"}})")).await? {
        figure(series.labels.get("instance").map_or("", String::as_str), format_args!("{} series", series.value));
    }
    stray::requests(cluster, clientele, stray::KINDS).await?;
    let before = stray::series(cluster, prometheus).await?;
    stray::requests(cluster, clientele, STRAY_REQUESTS).await?;
    let after = stray::series(cluster, prometheus).await?;
    figure("series of the gateways before and after", format_args!("{before}, {after}"));
    ensure!(after <= before + GROWTH, "{STRAY_REQUESTS} stray requests have made {} series", after - before);
    Ok(())
}
