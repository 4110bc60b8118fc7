//! A client of the HTTP API of a Consul agent (1.8 or later): thin, typed, without a policy of its own.
//!
//! [`Client`] has a handle for each page of the [API's documentation](https://developer.hashicorp.com/consul/api-docs):
//! `client.kv().get("greeting", &Query::default())`. What can be waited for takes a [`Query`] and answers with an
//! [`Indexed`] value; [`Query::after`] makes the next query of the two. Nothing is retried, watched or renewed here.

#![warn(missing_docs)]

mod agent;
mod answer;
mod blocking;
mod catalog;
mod client;
mod connect;
mod error;
mod health;
mod kv;
mod request;
mod session;
mod status;
mod wire;

pub use self::{
    agent::{
        Agent, AgentInfo,
        check::{Check, CheckStatus, NewCheck, Probe, Schedule},
        service::{NewService, Service},
    },
    blocking::{Consistency, Indexed, Query},
    catalog::{Catalog, CatalogInstance},
    client::{Client, Config},
    connect::{Connect, Leaf, Root, Roots},
    error::Error,
    health::{Health, Instance, InstanceFilter, Node},
    kv::{Kv, Pair},
    session::{Behavior, NewSession, Session, SessionId, Sessions},
    status::Status,
};
pub use reqwest::Url;
