//! One order is one trace through all services, from the request to its payment and back; strange headers, secrets and ids find no way into telemetry; the
//! share of requests that are traced changes while everything runs.

mod context;
mod disclosure;
mod headers;
mod order;
mod sampling;
mod tree;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use self::{disclosure::Secrets, witness::Witness};
use super::{
    load::{Clientele, Request},
    report::{figure, heading},
};
use crate::{
    cluster::{Cluster, Collector, Folder, Received, Signal, aftermath},
    patience::until,
};

const SERVICES: [&str; 4] = ["gateway", "orders", "payments", "users"];

const SETTLED_WITHIN: Duration = Duration::from_secs(60);

const EVERYTHING_COMES_WITHIN: Duration = Duration::from_secs(60);

pub async fn run(cluster: &mut Cluster, folder: &Folder) -> anyhow::Result<()> {
    let collector = Collector::start(cluster, folder).await?;
    send_to(cluster, &collector);
    cluster.start_over().await?;
    let clientele = Clientele::gather(&cluster.front()).await?;
    // What is tried twice is in a trace twice: until then somebody may not have found the bus.
    aftermath::is_over(cluster, SETTLED_WITHIN).await?;
    let mut witness = Witness::new(cluster, &clientele, collector)?;

    heading("an order");
    // Whose account orders has to ask users for.
    let newcomer = clientele.newcomer().await?;
    let order = order::is_one_trace(&mut witness, &newcomer).await?;
    heading("strange headers");
    headers::do_no_harm(&mut witness).await?;
    heading("the sampling ratio");
    sampling::follows_the_setting(&mut witness).await?;
    heading("all that was sent");
    everybody_sends_everything(&mut witness).await?;
    let received = witness.received()?;
    disclosure::metrics_tell_of_nobody(received, &[&newcomer.id, &order])?;
    Secrets::of(&newcomer).are_nowhere_in(folder)
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

/// Each of the eight instances sends spans, points and records, and says who it is. Whom an event comes to is anybody's
/// guess: orders are placed until everybody had one. Accounts are looked at besides, since orders asks for one now and then
/// only.
async fn everybody_sends_everything(witness: &mut Witness<'_>) -> anyhow::Result<()> {
    let everybody_has = async || {
        let customer = witness.clientele.customer(0);
        let requests = [Request::place("HOOK-OAK"), Request::get(format!("/v1/users/{}", customer.id))];
        for request in requests {
            if witness.clientele.expect(&request.by(customer)).await.is_err() {
                return false;
            }
        }
        witness.received().is_ok_and(|received| sent(received).is_ok_and(|sent| is_everything(&sent)))
    };
    let everything = until("all instances send everything", EVERYTHING_COMES_WITHIN, everybody_has).await;
    let sent = sent(witness.received()?)?;
    for ((service, instance), counts) in &sent {
        let [spans, points, records] = SIGNALS.map(|signal| counts.get(&signal).copied().unwrap_or(0));
        let id = instance.get(..8).unwrap_or(instance);
        figure(&format!("{service} {id}"), format_args!("{spans} spans, {points} points, {records} log records"));
    }
    everything.map(drop)
}

const SIGNALS: [Signal; 3] = [Signal::Span, Signal::Point, Signal::Log];

/// How many items of each kind a service's instance has sent.
type Sent<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<Signal, usize>>;

/// Errors: somebody does not say who it is.
fn sent(received: &Received) -> anyhow::Result<Sent<'_>> {
    let mut sent = Sent::new();
    for item in &received.items {
        let who = ["service.name", "service.instance.id", "service.version"].map(|name| item.resource.get(name));
        let [Some(service), Some(instance), Some(_)] = who else {
            anyhow::bail!("somebody does not say who it is: {:?}", item.resource);
        };
        *sent.entry((service, instance)).or_default().entry(item.signal).or_default() += 1;
    }
    Ok(sent)
}

fn is_everything(sent: &Sent<'_>) -> bool {
    let names: BTreeSet<_> = sent.keys().map(|(service, _)| *service).collect();
    let has_all = |counts: &BTreeMap<Signal, usize>| SIGNALS.iter().all(|signal| counts.contains_key(signal));
    names == BTreeSet::from(SERVICES) && sent.len() == 2 * SERVICES.len() && sent.values().all(has_all)
}
