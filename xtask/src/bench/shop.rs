//! The shop that is measured: one instance of each service, and real servers behind them.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::{builds::Build, meter::Watched};
use crate::cluster::{Cluster, Collector, Folder, aftermath};

/// What is still to be done for the orders of one load is done in this time.
const QUIET_WITHIN: Duration = Duration::from_secs(600);

pub struct Shop<'a> {
    pub cluster: Cluster<1>,
    pub folder: &'a Folder,
    collector: Collector,
    load: PathBuf,
    /// Of each instance, for every build.
    settings: Vec<BTreeMap<&'static str, String>>,
}

impl<'a> Shop<'a> {
    /// With the programs of this build, whose `load` is what it will be loaded with.
    pub async fn open(build: &Build, folder: &'a Folder) -> anyhow::Result<Self> {
        let mut cluster = Cluster::start(&build.programs, folder).await?;
        let collector = Collector::start_forgetful(&mut cluster, folder).await?;
        for (setting, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.grpc_url()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ] {
            cluster.set(setting, value);
        }
        cluster.connect_directly()?;
        let settings = cluster.instances().iter().map(|instance| instance.settings().clone()).collect();
        let mut shop = Self { cluster, folder, collector, load: build.programs.path("load"), settings };
        shop.change_to(build).await?;
        Ok(shop)
    }

    /// Starts the programs of this build, instead of those that run.
    pub async fn change_to(&mut self, build: &Build) -> anyhow::Result<()> {
        for (instance, settings) in self.cluster.instances_mut().zip(&self.settings) {
            let mut settings = settings.clone();
            settings.extend(build.settings.iter().cloned());
            instance.replace(build.programs.path(instance.service().name()), settings);
        }
        self.cluster.start_over().await
    }

    /// Waits until nothing is left to be done for anybody; tells how long that took.
    pub async fn quiet(&self) -> anyhow::Result<Duration> {
        let (took, _) = aftermath::is_over(&self.cluster, QUIET_WITHIN).await?;
        self.cluster.instances().into_iter().try_for_each(|instance| instance.forget_log())?;
        Ok(took)
    }

    pub fn load(&self) -> &PathBuf {
        &self.load
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.cluster.gateways[0].address())
    }

    /// Our programs.
    pub fn services(&self) -> anyhow::Result<Vec<Watched>> {
        let watched = |instance: &crate::cluster::Instance| {
            Ok(Watched { name: instance.service().name().to_owned(), id: instance.id()? })
        };
        self.cluster.instances().into_iter().map(watched).collect()
    }

    /// Those and the servers, but PostgreSQL.
    pub fn processes(&self) -> anyhow::Result<Vec<Watched>> {
        let mut watched = self.services()?;
        let servers = [
            ("NATS", self.cluster.nats.id()?),
            ("Consul", self.cluster.agent.id()?),
            ("collector", self.collector.id()?),
        ];
        watched.extend(servers.map(|(name, id)| Watched { name: name.to_owned(), id }));
        Ok(watched)
    }
}
