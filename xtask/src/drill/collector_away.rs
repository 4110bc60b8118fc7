//! The collector hangs, is not there, or dies under load: no request fails or waits for it, what was lost is counted,
//! and every process ends in time.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::{
    time::{Instant, sleep},
    try_join,
};

use super::{
    load::{ACCOUNTS, Clientele, Load, Outcomes, Pace},
    report::{figure, heading, latencies, no_slower, none_failed, seconds},
};
use crate::{
    cluster::{Cluster, Collector, Folder, Forwarder, Instance, Sample},
    patience::until,
};

/// How long a load is looked at.
const WATCHED: Duration = Duration::from_secs(4);

/// Enough to fill the queues soon, and not the machine.
const PACE: Pace = Pace::PerSecond(100);

/// So that queues are full and patience is at its end within a few seconds.
const IMPATIENT: [(&str, &str); 8] = [
    ("DRAIN_DELAY_S", "1"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "64"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "200"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
    ("OTEL_METRICS_EXPORTER", "prometheus"),
];

/// The drain's delay, the last telemetry's own limit, and what a busy machine takes.
const ENDS_WITHIN: Duration = Duration::from_secs(1 + 5);

/// Far less than the time-out above, which is what it takes to wait for a collector once.
const NOISE: Duration = Duration::from_millis(100);

const COUNTED_WITHIN: Duration = Duration::from_secs(10);

pub async fn run(cluster: &mut Cluster, folder: &Folder) -> anyhow::Result<()> {
    heading("no collector at all");
    let clientele = Clientele::gather(&cluster.front()).await?;
    for (setting, value) in IMPATIENT {
        cluster.set(setting, value);
    }
    // As in each of the cases: who has just been started is not as quick as ever.
    cluster.start_over().await?;
    let normal = shop(&clientele, Some(async || Ok(()))).await?;
    let known = Known { clientele, normal };

    heading("a collector that accepts connections and says nothing");
    let mut silent = Forwarder::at(cluster.ports.take()?);
    silent.ignore().await?;
    let url = format!("http://{}", silent.address());
    survives(cluster, &known, &url, async || Ok(())).await?;

    heading("a collector that is not there");
    silent.refuse().await;
    survives(cluster, &known, &url, async || Ok(())).await?;

    heading("a collector that stands still under load");
    let mut collector = Collector::start(cluster, folder).await?;
    survives(cluster, &known, &collector.grpc_url(), async || collector.hang()).await?;
    collector.kill().await?;

    heading("a collector that is killed under load");
    let mut collector = Collector::start(cluster, folder).await?;
    survives(cluster, &known, &collector.grpc_url(), async || collector.kill().await).await
}

/// All instances start with this collector, which something happens to while customers shop, and end without it.
async fn survives(
    cluster: &mut Cluster,
    known: &Known,
    collector: &str,
    happens: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    cluster.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    cluster.start_over().await?;
    let mut happens = Some(happens);
    let look = async || Ok([known.normal.clone(), shop(&known.clientele, happens.take()).await?]);
    no_slower("then", NOISE, look).await?;
    loss_is_counted(cluster).await?;
    let Cluster { users: [a, b], orders: [c, d], payments: [e, f], gateways: [g, h], .. } = cluster;
    let slowest = try_join!(end(a), end(b), end(c), end(d), end(e), end(f), end(g), end(h));
    let slowest = <[Duration; 8]>::from(slowest?).into_iter().max().unwrap_or_default();
    figure("ended with 0, the last after", seconds(slowest));
    ensure!(slowest <= ENDS_WITHIN, "an instance took {} to end", seconds(slowest));
    Ok(())
}

/// Who shops, and what they notice where there is no collector at all.
struct Known {
    clientele: Arc<Clientele>,
    normal: Outcomes,
}

/// What customers notice after something has happened, now or before. Errors: a request failed.
async fn shop(
    clientele: &Arc<Clientele>,
    happens: Option<impl AsyncFnOnce() -> anyhow::Result<()>>,
) -> anyhow::Result<Outcomes> {
    let load = Load::start(clientele, ACCOUNTS, PACE);
    load.end_more(200).await?;
    if let Some(happens) = happens {
        happens().await?;
    }
    let happened = Instant::now();
    sleep(WATCHED).await;
    let ended = Instant::now();
    let outcomes = load.stop().await?;
    let then = outcomes.between(happened, ended);
    latencies("latency", &then);
    none_failed("failed requests", &outcomes)?;
    Ok(then)
}

async fn loss_is_counted(cluster: &Cluster) -> anyhow::Result<()> {
    let mut lost = (0.0, 0.0);
    let is_counted = async || {
        lost = (self::lost(cluster, "span").await.unwrap_or(0.0), self::lost(cluster, "log").await.unwrap_or(0.0));
        lost.0 > 0.0
    };
    until("lost spans are counted", COUNTED_WITHIN, is_counted).await?;
    figure("lost spans and log records", format_args!("{}, {}", lost.0, lost.1));
    Ok(())
}

/// By all instances: what found no place in the queue, and what was not delivered.
async fn lost(cluster: &Cluster, signal: &str) -> anyhow::Result<f64> {
    let counters =
        [format!("otel_sdk_processor_{signal}_processed_total"), format!("otel_sdk_exporter_{signal}_exported_total")];
    let mut lost = 0.0;
    for instance in cluster.instances() {
        let is_loss = |sample: &Sample| {
            counters.contains(&sample.name) && sample.labels.get("error_type").is_some_and(|error| !error.is_empty())
        };
        lost += instance.metrics().await?.into_iter().filter(is_loss).map(|sample| sample.value).sum::<f64>();
    }
    Ok(lost)
}

/// How long it takes. Errors: it does not end with 0.
async fn end(instance: &mut Instance) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let status = instance.terminate().await?;
    ensure!(status.success(), "{} ended with {status}", instance.name());
    Ok(began.elapsed())
}
