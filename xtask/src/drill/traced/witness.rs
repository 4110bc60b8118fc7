//! Who asks, and then looks at what the collector and the logs have about it.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::time::sleep;

use super::context::Context;
use crate::drill::load::{Clientele, Request};
use crate::{
    cluster::{Cluster, Collector, Received},
    patience::until,
};

/// How long instances keep spans and records back.
pub const SENT_EVERY: Duration = Duration::from_millis(200);

/// After that, what has not come is not coming.
const SETTLED_AFTER: Duration = Duration::from_millis(1000);

const COMES_WITHIN: Duration = Duration::from_secs(30);

pub struct Witness<'a> {
    pub cluster: &'a Cluster,
    pub clientele: &'a Clientele,
    /// The same customers at one of the gateways each.
    pub at: [Clientele; 2],
    collector: Collector,
}

impl<'a> Witness<'a> {
    pub fn new(cluster: &'a Cluster, clientele: &'a Clientele, collector: Collector) -> anyhow::Result<Self> {
        let through = |gateway: SocketAddr| clientele.through(&[gateway]);
        let [one, other] = [0, 1].map(|number| through(cluster.gateways[number].address()));
        Ok(Self { cluster, clientele, at: [one?, other?], collector })
    }

    pub fn received(&mut self) -> anyhow::Result<&Received> {
        self.collector.received()
    }

    /// All that was received, when the trace that this span began has come, and what belongs to it.
    pub async fn with_trace(&mut self, context: &Context) -> anyhow::Result<&Received> {
        let what = format!("the trace {} comes", context.trace);
        until(&what, COMES_WITHIN, async || self.has(context).unwrap_or(false)).await?;
        self.settled().await
    }

    /// All that was received, when this holds of it, and whatever else belongs to it must have come too; or when there is no
    /// hope any more that it will hold, for who asks can say best what is missing.
    pub async fn once(&mut self, holds: impl Fn(&Received) -> bool) -> anyhow::Result<&Received> {
        // Its error would say less than what is missing.
        let _ = until("it holds", COMES_WITHIN, async || self.received().is_ok_and(&holds)).await;
        self.settled().await
    }

    /// All that was received, when everything must have come.
    pub async fn settled(&mut self) -> anyhow::Result<&Received> {
        sleep(SETTLED_AFTER).await;
        self.received()
    }

    fn has(&mut self, context: &Context) -> anyhow::Result<bool> {
        let mut spans = self.received()?.spans();
        Ok(spans.any(|span| span.trace() == context.trace && span.parent() == context.span))
    }

    /// What the gateways have logged about requests, by the requests' ids.
    pub fn requests(&self) -> anyhow::Result<HashMap<String, Value>> {
        let mut requests = HashMap::new();
        for gateway in &self.cluster.gateways {
            let lines = gateway.log()?.into_iter().filter(|line| line["message"] == "request");
            requests.extend(lines.filter_map(|line| Some((line["id"].as_str()?.to_owned(), line))));
        }
        Ok(requests)
    }
}

/// What the drill asks for when any request will do.
pub const ROUTE: &str = "/v1/products/{sku}";

pub fn look_at_product(id: &str) -> Request {
    Request::get("/v1/products/BOX-OAK").with("x-request-id", id)
}
