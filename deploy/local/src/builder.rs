//! Builds the instances of the services, and builds them again in the same place.

use std::{net::SocketAddr, sync::Arc};

use discovery::Registry;
use futures::future::FutureExt;
use gateway::{Backends, Edge};
use lifecycle::{Health, listen};
use orders::Orders;
use tokio::net::TcpListener;
use users::Users;

use crate::{
    configs::Configs,
    demo,
    instance::{Instance, Serving},
    servers::{Addresses, Listeners},
};

pub struct Builder {
    pub configs: Configs,
    pub registry: Registry,
    pub health: Health,
    /// Where the process is asked whether it is ready.
    pub operations: SocketAddr,
}

/// One instance of each service.
pub struct Instances {
    pub gateway: Instance,
    pub orders: Instance,
    pub users: Instance,
}

impl Builder {
    /// The `number`th instance of each service.
    pub async fn begin(self: &Arc<Self>, number: usize, listeners: Listeners) -> anyhow::Result<Instances> {
        let Addresses { gateway, users, users_http, orders } = listeners.addresses()?;
        let name = move |service: &'static str| format!("{service}-{number}");
        let serving = self.users(name("users"), listeners.users).await?;
        let builder = self.clone();
        let again = move || {
            let builder = builder.clone();
            async move {
                let grpc = listen("--users-port", users).await?;
                let listeners = users::Listeners { grpc, http: listen("--users-http-port", users_http).await? };
                builder.users(name("users"), listeners).await
            }
            .boxed()
        };
        let users = Instance::begin(name("users"), serving, Box::new(again));

        let serving = self.orders(name("orders"), listeners.orders).await?;
        let builder = self.clone();
        let again = move || {
            let builder = builder.clone();
            async move { builder.orders(name("orders"), listen("--orders-port", orders).await?).await }.boxed()
        };
        let orders = Instance::begin(name("orders"), serving, Box::new(again));

        let serving = self.gateway(name("gateway"), listeners.gateway)?;
        let builder = self.clone();
        let again = move || {
            let builder = builder.clone();
            async move { builder.gateway(name("gateway"), listen("--port", gateway).await?) }.boxed()
        };
        let gateway = Instance::begin(name("gateway"), serving, Box::new(again));
        Ok(Instances { gateway, orders, users })
    }

    async fn users(&self, name: String, listeners: users::Listeners) -> anyhow::Result<Serving> {
        let registration = listeners.registration(self.operations)?;
        let users = Users::build(&self.configs.users, &self.registry).await?;
        demo::register_client(&users).await?;
        users.report_to(&self.health, &name);
        let health = Health::default();
        Ok(Serving::new(&self.registry, registration, health, |stop| users::serve(listeners, users, stop)))
    }

    async fn orders(&self, name: String, listener: TcpListener) -> anyhow::Result<Serving> {
        let registration = orders::registration(&listener, self.operations)?;
        let orders = Orders::build(&self.configs.orders, &self.registry).await?;
        orders.report_to(&self.health, &name);
        let health = Health::default();
        Ok(Serving::new(&self.registry, registration, health, |stop| orders::serve(listener, orders, stop)))
    }

    fn gateway(&self, name: String, listener: TcpListener) -> anyhow::Result<Serving> {
        let registration = gateway::registration(&listener, self.operations)?;
        let backends = Backends::connect(&self.configs.gateway, &self.registry)?;
        backends.report_to(&self.health, &name);
        let edge = Edge::open(&self.configs.gateway.edge)?;
        // Its own, so that its clients are sent elsewhere when it alone is restarted.
        let health = Health::default();
        let router = gateway::router(backends, &self.configs.gateway, health.clone());
        Ok(Serving::new(&self.registry, registration, health, |stop| gateway::serve(listener, router, edge, stop)))
    }
}
