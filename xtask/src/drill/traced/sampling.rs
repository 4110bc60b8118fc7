//! How many requests are traced is a setting that changes while the gateways run; a client's own decision stands, and a
//! setting that is wrong changes nothing.

use std::time::Duration;

use anyhow::ensure;

use super::{
    context::Context,
    witness::{ROUTE, Witness, look_at_product},
};
use crate::drill::{
    load::Request,
    report::{figure, seconds},
};
use crate::{cluster::Received, patience::until};

const SETTING: &str = "joist/gateway/sampling_ratio";

const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// To each of the two gateways.
const REQUESTS: usize = 10;

pub async fn follows_the_setting(witness: &mut Witness<'_>) -> anyhow::Result<()> {
    let agent = &witness.cluster.agent;
    agent.put(SETTING, "0").await?;
    let took = logged(witness, "INFO", "0").await?;
    figure("0 was taken after", seconds(took));
    is_silent(witness, "spans by a ratio of 0").await?;
    goes_by_the_client(witness).await?;

    agent.put(SETTING, "often").await?;
    logged(witness, "WARN", "often").await?;
    is_silent(witness, "spans after a setting that is wrong").await?;

    agent.put(SETTING, "1").await?;
    logged(witness, "INFO", "1").await?;
    let traced = traced_requests(witness).await?;
    figure("spans by a ratio of 1", traced);
    ensure!(traced == 2 * REQUESTS, "by a ratio of 1, {traced} of {} requests are traced", 2 * REQUESTS);
    Ok(())
}

/// Waits until both gateways have said that they took the setting, or that they did not.
async fn logged(witness: &Witness<'_>, level: &str, value: &str) -> anyhow::Result<Duration> {
    let has_logged = |number: usize| {
        let log = witness.cluster.gateways[number].log().unwrap_or_default();
        let mut settings = log.iter().filter(|line| line["setting"] == "sampling_ratio" && line["level"] == level);
        settings.any(|line| line["value"] == value)
    };
    let what = format!("both gateways have read the sampling ratio {value}");
    until(&what, TAKEN_WITHIN, async || has_logged(0) && has_logged(1)).await
}

async fn is_silent(witness: &mut Witness<'_>, what: &str) -> anyhow::Result<()> {
    let traced = traced_requests(witness).await?;
    figure(what, format_args!("{traced} of {} requests", 2 * REQUESTS));
    ensure!(traced == 0, "{what}: {traced}");
    Ok(())
}

/// How many of some requests that say nothing about it are traced.
async fn traced_requests(witness: &mut Witness<'_>) -> anyhow::Result<usize> {
    let before = served(witness.settled().await?);
    for number in 0..REQUESTS {
        for gateway in &witness.at {
            gateway.expect(&look_at_product(&format!("sampled-{number}"))).await?;
        }
    }
    Ok(served(witness.settled().await?) - before)
}

fn served(received: &Received) -> usize {
    let name = format!("GET {ROUTE}");
    received.spans().filter(|span| span.kind() == "SERVER" && span.name() == name).count()
}

/// Whose trace is recorded is traced, whatever the ratio; whose is not, is not.
async fn goes_by_the_client(witness: &mut Witness<'_>) -> anyhow::Result<()> {
    let contexts = [Context::new(), Context::new(), Context::new(), Context::new()];
    for (number, context) in contexts.iter().enumerate() {
        let header = if number < 2 { context.sampled() } else { context.unsampled() };
        witness.at[number % 2].expect(&Request::get("/v1/products/BOX-OAK").with("traceparent", header)).await?;
    }
    witness.with_trace(&contexts[0]).await?;
    let received = witness.with_trace(&contexts[1]).await?;
    let counts = contexts.map(|context| received.spans().filter(|span| span.trace() == context.trace).count());
    let [one, other, none, neither] = counts;
    figure(
        "spans of clients' traces",
        format_args!("{one} and {other}; {none} and {neither} where they are not recorded"),
    );
    ensure!(one > 0 && other > 0, "a client's trace has not come");
    ensure!(none + neither == 0, "a trace has come that its client does not record");
    Ok(())
}
