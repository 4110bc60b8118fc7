//! Others that are found without a registry, by address and by name; and where they speak HTTP.

use std::{net::SocketAddr, time::Duration};

use discovery::{Config, HttpInstances, Instance, Instances, Registration, Registry};
use testkit::Logs;
use tokio::{
    join,
    time::{sleep, timeout},
};

use crate::{
    harness::{PATIENCE, service},
    member::{Member, Readyz},
};

/// Knows addresses and names only.
fn no_registry() -> Registry {
    Registry::new(&Config::default()).unwrap()
}

/// Instances that speak HTTP at these addresses.
fn speaking_http(addresses: &[&str]) -> HttpInstances {
    HttpInstances::of(Instances::fixed(addresses.iter().map(|address| Instance::at(address.parse().unwrap()))))
}

#[tokio::test]
async fn an_address_is_known_at_once_and_for_ever() {
    let mut instances = no_registry().watch(&"http://users:50051".parse().unwrap()).unwrap();
    let known = instances.next().await.unwrap();
    assert_eq!(*known, [Instance::at("users:50051".parse().unwrap())]);
    assert!(timeout(Duration::ZERO, instances.next()).await.is_err());
    assert_eq!(instances.current(), Some(known));
}

#[tokio::test]
async fn a_name_is_every_address_that_it_has() {
    let registry = no_registry();
    let mut instances = registry.watch(&"dns:///localhost:50051".parse().unwrap()).unwrap();
    let known = timeout(PATIENCE, async {
        while instances.current().is_none() {
            instances.next().await;
        }
        instances.current().unwrap()
    });
    for instance in known.await.unwrap().iter() {
        let address: SocketAddr = instance.authority.as_str().parse().unwrap();
        assert!(address.ip().is_loopback() && address.port() == 50051, "{address}");
        assert_eq!(instance.http.as_ref(), Some(&instance.authority));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_has_is_told_once_and_looked_up_again_and_again() {
    let logs = Logs::capture();
    let registry = no_registry();
    // No part of a name has more than 63 characters: this one fails without asking the network.
    let url = format!("dns:///{}.example:50051", "x".repeat(64));
    let instances = registry.watch(&url.parse().unwrap()).unwrap();
    // Paused time: ten look-ups.
    sleep(Duration::from_millis(2500)).await;
    assert_eq!(instances.current(), None);
    let warnings = logs.warnings("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the name cannot be looked up"), "{warnings:?}");
}

#[tokio::test]
async fn a_service_cannot_be_found_without_a_registry() {
    let error = no_registry().watch(&service("users")).unwrap_err();
    assert_eq!(error.to_string(), "consul:///users needs a CONSUL_URL");
    assert!(no_registry().watch_http(&service("users")).is_err());
    assert_eq!(no_registry().report().unwrap(), "none");
}

#[tokio::test]
async fn who_registers_nowhere_is_done_at_once() {
    let address = "127.0.0.1:50051".parse().unwrap();
    let registration = Registration::grpc("web", "1.2.3", address, address);
    let registry = no_registry();
    let registered = registry.register(registration, tokio_util::sync::CancellationToken::new());
    assert!(timeout(PATIENCE, registered).await.is_ok());
}

#[test]
fn those_who_speak_http_come_first_in_turn() {
    let instances = speaking_http(&["a:1", "b:2", "c:3"]);
    assert_eq!(instances.in_turn(), ["a:1", "b:2", "c:3"]);
    assert_eq!(instances.in_turn(), ["b:2", "c:3", "a:1"]);
    assert_eq!(instances.clone().in_turn(), ["c:3", "a:1", "b:2"]);
    assert_eq!(instances.in_turn(), ["a:1", "b:2", "c:3"]);
    assert!(speaking_http(&[]).in_turn().is_empty());
}

#[tokio::test]
async fn the_first_who_speaks_http_is_waited_for() {
    let registry = Registry::in_process();
    let http = registry.watch_http(&service("users")).unwrap();
    assert!(http.in_turn().is_empty());
    let come = async {
        let silent = Member::join(&registry, "users").await;
        let readyz = Readyz::start("127.0.0.1:0").await;
        let registration = Registration::http("users", "1.2.3", readyz.address, readyz.address);
        let expected = readyz.address.to_string();
        (silent, Member::join_as(&registry, registration, readyz), expected)
    };
    let (addresses, (.., expected)) = join!(timeout(PATIENCE, http.wait()), come);
    assert_eq!(addresses.unwrap(), [expected.as_str()]);
}
