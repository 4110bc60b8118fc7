//! One order is one trace through all three services; strange headers, secrets and ids find no way into telemetry; the
//! share of requests that are traced changes while everything runs.

mod context;
mod disclosure;
mod headers;
mod order;
mod sampling;
mod tree;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;

use self::{disclosure::Secrets, witness::Witness};
use super::{
    cluster::{Cluster, Collector, Folder, Received, Signal},
    load::Clientele,
    report::{figure, heading},
};

const SERVICES: [&str; 3] = ["gateway", "orders", "users"];

pub async fn run(cluster: &mut Cluster, folder: &Folder) -> anyhow::Result<()> {
    let collector = Collector::start(cluster, folder).await?;
    send_to(cluster, &collector);
    cluster.start_over().await?;
    let clientele = Clientele::gather(&cluster.front()).await?;
    let mut witness = Witness::new(cluster, &clientele, collector)?;

    heading("an order");
    let order = order::is_one_trace(&mut witness).await?;
    heading("strange headers");
    headers::do_no_harm(&mut witness).await?;
    heading("the sampling ratio");
    sampling::follows_the_setting(&mut witness).await?;
    heading("all that was sent");
    let received = witness.received()?;
    everybody_sent_everything(received)?;
    disclosure::metrics_tell_of_nobody(received, &[&clientele.customer(0).id, &order])?;
    Secrets::of(clientele.customer(0)).are_nowhere_in(folder)
}

/// Quickly; one gateway by the other of the two protocols.
fn send_to(cluster: &mut Cluster, collector: &Collector) {
    cluster.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.grpc_url());
    cluster.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    cluster.set("OTEL_METRICS_EXPORTER", "otlp");
    cluster.set("OTEL_METRIC_EXPORT_INTERVAL", 500);
    for delay in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"] {
        cluster.set(delay, witness::SENT_EVERY.as_millis());
    }
    let [_, by_http] = &mut cluster.gateways;
    by_http.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_url());
    by_http.set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
}

/// Each of the six instances has sent spans, points and records, and has said who it is.
fn everybody_sent_everything(received: &Received) -> anyhow::Result<()> {
    let mut sent: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
    for item in &received.items {
        let who = ["service.name", "service.instance.id", "service.version"].map(|name| item.resource.get(name));
        let [Some(service), Some(instance), Some(_)] = who else {
            anyhow::bail!("somebody does not say who it is: {:?}", item.resource);
        };
        *sent.entry((service, instance)).or_default().entry(item.signal).or_default() += 1;
    }
    for ((service, instance), counts) in &sent {
        let count = |signal| counts.get(&signal).copied().unwrap_or(0);
        let [spans, points, records] = [Signal::Span, Signal::Point, Signal::Log].map(count);
        let id = instance.get(..8).unwrap_or(instance);
        figure(&format!("{service} {id}"), format_args!("{spans} spans, {points} points, {records} log records"));
        ensure!(spans * points * records > 0, "{service} {instance} has not sent everything");
    }
    let names: BTreeSet<_> = sent.keys().map(|(service, _)| service.as_str()).collect();
    ensure!(names == BTreeSet::from(SERVICES), "services that have sent something: {names:?}");
    ensure!(sent.len() == 2 * SERVICES.len(), "{} instances have sent something, not two of each", sent.len());
    Ok(())
}
