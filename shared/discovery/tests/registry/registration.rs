//! Being found: what others read of an instance, and that its entry is looked after.

use std::time::Duration;

use consul::{CheckStatus, InstanceFilter, Query};
use discovery::{Config, Registration, Registry};
use testkit::Consul;
use tokio::time::Instant;

use crate::{
    harness::{client, config, eventually, registry, seen, service, start},
    member::{Member, Readyz},
};

/// The one instance of `web`, as Consul has it.
async fn entry(consul: &Consul) -> consul::Instance {
    let client = client(&consul.url());
    let find = async || {
        let answer = client.health().service("web", &InstanceFilter::default(), &Query::default()).await;
        answer.unwrap().value.pop()
    };
    eventually("a registration", async || find().await.is_some()).await;
    find().await.unwrap()
}

async fn is_known(consul: &Consul, id: &str) -> bool {
    client(&consul.url()).agent().find_service(id).await.unwrap().is_some()
}

#[tokio::test]
async fn an_instance_that_registers_is_found_by_another_process() {
    let Some((consul, ours)) = start().await else { return };
    let readyz = Readyz::start("127.0.0.1:0").await;
    let grpc = "127.0.0.1:50051".parse().unwrap();
    let registration = Registration::grpc("web", "1.2.3", grpc, readyz.address);
    let member = Member::join_as(&ours, registration.with_http("127.0.0.1:8081".parse().unwrap()), readyz);

    let theirs = registry(&consul.url());
    let mut instances = theirs.watch(&service("web")).unwrap();
    let found = seen(&mut instances, &["web-127.0.0.1-50051"]).await;
    assert_eq!(found[0].authority, "127.0.0.1:50051");
    assert_eq!(found[0].http.as_ref().unwrap(), "127.0.0.1:8081");
    assert_eq!(found[0].started_at, member.started_at);
}

#[tokio::test]
async fn its_entry_says_what_it_is() {
    let Some(consul) = Consul::start().await else { return };
    let ours = Registry::new(&Config { zone: Some("north".to_owned()), ..config(&consul.url()) }).unwrap();
    let readyz = Readyz::start("127.0.0.1:0").await;
    let operations = readyz.address.port().to_string();
    let http = "127.0.0.1:8080".parse().unwrap();
    let member = Member::join_as(&ours, Registration::http("web", "1.2.3", http, readyz.address), readyz);

    let entry = entry(&consul).await.service;
    assert_eq!((entry.id.as_str(), entry.tags.as_slice()), ("web-127.0.0.1-8080", ["http".to_owned()].as_slice()));
    let expected = [
        ("http_port", "8080"),
        ("ops_port", operations.as_str()),
        ("started_at", member.started_at.as_str()),
        ("version", "1.2.3"),
        ("zone", "north"),
    ];
    let meta: Vec<_> = entry.meta.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(meta, expected);
}

#[tokio::test]
async fn it_passes_before_the_agent_has_looked() {
    let Some(consul) = Consul::start().await else { return };
    let ours = Registry::new(&Config { consul_check_interval_s: 86_400, ..config(&consul.url()) }).unwrap();
    let _member = Member::join(&ours, "web").await;
    let entry = entry(&consul).await;
    let check = entry.checks.iter().find(|check| check.name == "readyz").unwrap();
    assert_eq!(check.status, CheckStatus::Passing);
    assert!(entry.is_passing());
}

#[tokio::test]
async fn a_new_life_passes_before_the_agent_has_looked_again() {
    let Some((consul, ours)) = start().await else { return };
    let client = client(&consul.url());
    let passes = async || {
        let answer = client.health().service("web", &InstanceFilter::default(), &Query::default()).await;
        answer.unwrap().value.first().is_some_and(consul::Instance::is_passing)
    };
    let member = Member::join(&ours, "web").await;
    eventually("a registration", &passes).await;
    member.readyz.set(false);
    eventually("a critical check", async || !passes().await).await;
    let readyz = member.die().await;
    readyz.set(true);

    let ours = Registry::new(&Config { consul_check_interval_s: 86_400, ..config(&consul.url()) }).unwrap();
    let registration = Registration::grpc("web", "1.2.3", readyz.address, readyz.address);
    let _member = Member::join_as(&ours, registration, readyz);
    eventually("a new life", &passes).await;
}

#[tokio::test]
async fn the_agent_looks_no_more_often_than_it_is_asked_to() {
    let Some(consul) = Consul::start().await else { return };
    let ours = Registry::new(&Config { consul_check_interval_s: 3, ..config(&consul.url()) }).unwrap();
    let mut member = Member::join(&ours, "web").await;
    member.readyz.look().await;
    let first = Instant::now();
    member.readyz.look().await;
    // Less on a slow machine, which may be late with the first look, but more than where nothing is asked.
    assert!(first.elapsed() > Duration::from_millis(2300), "{:?}", first.elapsed());
}

#[tokio::test]
async fn who_leaves_is_gone_when_its_registration_returns() {
    let Some((consul, ours)) = start().await else { return };
    let (stays, leaves) = (Member::join(&ours, "web").await, Member::join(&ours, "web").await);
    let theirs = registry(&consul.url());
    let mut instances = theirs.watch(&service("web")).unwrap();
    seen(&mut instances, &[&stays.id, &leaves.id]).await;

    let id = leaves.id.clone();
    leaves.leave().await;
    assert!(!is_known(&consul, &id).await && is_known(&consul, &stays.id).await);
    seen(&mut instances, &[&stays.id]).await;
}

#[tokio::test]
async fn an_instance_that_the_agent_forgot_is_soon_back() {
    let Some((consul, ours)) = start().await else { return };
    let member = Member::join(&ours, "web").await;
    eventually("a registration", async || is_known(&consul, &member.id).await).await;

    let forgotten = Instant::now();
    client(&consul.url()).agent().deregister_service(&member.id).await.unwrap();
    assert!(!is_known(&consul, &member.id).await);
    eventually("another registration", async || is_known(&consul, &member.id).await).await;
    assert!(forgotten.elapsed() < Duration::from_secs(5), "{:?}", forgotten.elapsed());
}

#[tokio::test]
async fn an_instance_without_an_address_of_its_own_is_found_at_the_one_it_has_towards_the_agent() {
    let Some((consul, ours)) = start().await else { return };
    let readyz = Readyz::start("0.0.0.0:0").await;
    let everywhere = "0.0.0.0:50051".parse().unwrap();
    let mut member = Member::join_as(&ours, Registration::grpc("web", "1.2.3", everywhere, readyz.address), readyz);
    let mut instances = ours.watch(&service("web")).unwrap();
    let found = seen(&mut instances, &["web-127.0.0.1-50051"]).await;
    assert_eq!(found[0].authority, "127.0.0.1:50051");
    member.readyz.look().await;
    assert!(entry(&consul).await.is_passing());
}

#[tokio::test]
async fn an_instance_is_found_where_it_says_that_it_is() {
    for (advertised, id, authority) in [
        ("localhost", "web-localhost-50051", "localhost:50051"),
        ("10.0.0.7:6000", "web-10.0.0.7-6000", "10.0.0.7:6000"),
        ("[fe80::1]:6000", "web-fe80::1-6000", "[fe80::1]:6000"),
    ] {
        let Some(consul) = Consul::start().await else { return };
        let advertise_address = Some(advertised.parse().unwrap());
        let ours = Registry::new(&Config { advertise_address, ..config(&consul.url()) }).unwrap();
        let readyz = Readyz::start("127.0.0.1:0").await;
        let bound = "0.0.0.0:50051".parse().unwrap();
        let _member = Member::join_as(&ours, Registration::grpc("web", "1.2.3", bound, readyz.address), readyz);
        let found = seen(&mut ours.watch(&service("web")).unwrap(), &[id]).await;
        assert_eq!(found[0].authority, authority);
        assert_eq!(found[0].http, None);
    }
}
