//! Builds the instances of the services, and builds them again in the same place.

use std::{net::SocketAddr, sync::Arc};

use discovery::Registry;
use events::Bus;
use futures::future::FutureExt;
use gateway::{Backends, Edge};
use lifecycle::{Health, listen};
use orders::Orders;
use payments::Payments;
use tokio::net::TcpListener;
use users::Users;

use crate::{
    configs::Configs,
    demo,
    instance::{Instance, Serving, Start},
    servers::{Addresses, Listeners},
};

pub struct Builder {
    pub configs: Configs,
    pub registry: Registry,
    pub bus: Bus,
    pub health: Health,
    /// Where the process is asked whether it is ready.
    pub operations: SocketAddr,
}

/// One instance of each service.
pub struct Instances {
    pub gateway: Instance,
    pub orders: Instance,
    pub payments: Instance,
    pub users: Instance,
}

impl Builder {
    /// The `number`th instance of each service.
    pub async fn begin(self: &Arc<Self>, number: usize, listeners: Listeners) -> anyhow::Result<Instances> {
        let Addresses { gateway, users, users_http, orders } = listeners.addresses()?;
        let name = move |service: &'static str| format!("{service}-{number}");
        let serving = self.users(name("users"), listeners.users).await?;
        let again = self.again(move |builder| async move {
            let grpc = listen("--users-port", users).await?;
            let listeners = users::Listeners { grpc, http: listen("--users-http-port", users_http).await? };
            builder.users(name("users"), listeners).await
        });
        let users = Instance::begin(name("users"), serving, again);

        let serving = self.orders(name("orders"), listeners.orders).await?;
        let again = self.again(move |builder| async move {
            builder.orders(name("orders"), listen("--orders-port", orders).await?).await
        });
        let orders = Instance::begin(name("orders"), serving, again);

        let serving = self.payments(name("payments")).await?;
        let again = self.again(move |builder| async move { builder.payments(name("payments")).await });
        let payments = Instance::begin(name("payments"), serving, again);

        let serving = self.gateway(name("gateway"), listeners.gateway)?;
        let again = self
            .again(move |builder| async move { builder.gateway(name("gateway"), listen("--port", gateway).await?) });
        let gateway = Instance::begin(name("gateway"), serving, again);
        Ok(Instances { gateway, orders, payments, users })
    }

    fn again<F>(self: &Arc<Self>, start: impl Fn(Arc<Self>) -> F + Send + Sync + 'static) -> Start
    where
        F: Future<Output = anyhow::Result<Serving>> + Send + 'static,
    {
        let builder = self.clone();
        Box::new(move || start(builder.clone()).boxed())
    }

    async fn users(&self, name: String, listeners: users::Listeners) -> anyhow::Result<Serving> {
        let registration = listeners.registration(self.operations)?;
        let users = Users::build(&self.configs.users, &self.registry, &self.bus).await?;
        demo::register_client(&users).await?;
        users.report_to(&self.health, &name);
        Ok(Serving::new(|stop| users::serve(listeners, users, stop)).called(&self.registry, registration))
    }

    async fn orders(&self, name: String, listener: TcpListener) -> anyhow::Result<Serving> {
        let registration = orders::registration(&listener, self.operations)?;
        let orders = Orders::build(&self.configs.orders, &self.registry, &self.bus).await?;
        orders.report_to(&self.health, &name);
        Ok(Serving::new(|stop| orders::serve(listener, orders, stop)).called(&self.registry, registration))
    }

    async fn payments(&self, name: String) -> anyhow::Result<Serving> {
        let payments = Payments::build(&self.configs.payments, &self.bus).await?;
        payments.report_to(&self.health, &name);
        Ok(Serving::new(|stop| payments::serve(payments, stop)))
    }

    fn gateway(&self, name: String, listener: TcpListener) -> anyhow::Result<Serving> {
        let registration = gateway::registration(&listener, self.operations)?;
        let backends = Backends::connect(&self.configs.gateway, &self.registry)?;
        backends.report_to(&self.health, &name);
        let edge = Edge::open(&self.configs.gateway.edge)?;
        // Its own, so that its clients are sent elsewhere when it alone is restarted.
        let health = Health::default();
        let router = gateway::router(backends, &self.configs.gateway, health.clone());
        let serving = Serving::new(|stop| gateway::serve(listener, router, edge, stop));
        Ok(serving.called(&self.registry, registration).telling(health))
    }
}
