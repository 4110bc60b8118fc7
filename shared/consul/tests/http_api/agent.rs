//! Services that an agent looks after, and what it says of itself.

use std::collections::BTreeMap;

use consul::{Error, InstanceFilter, NewService, Query};

use crate::harness::{error, eventually, start, ttl, web};

const ALL: InstanceFilter = InstanceFilter { passing_only: false, tags: Vec::new() };
const PASSING: InstanceFilter = InstanceFilter { passing_only: true, tags: Vec::new() };

#[tokio::test]
async fn a_registered_service_is_found_as_it_was_registered() {
    let Some((_consul, client)) = start().await else { return };
    let service = NewService {
        id: "web-1".to_owned(),
        name: "web".to_owned(),
        address: "10.0.0.1".to_owned(),
        port: 8080,
        tags: vec!["blue".to_owned(), "v2".to_owned()],
        meta: BTreeMap::from([("zone".to_owned(), "north".to_owned())]),
        checks: vec![ttl("web-1-ttl")],
    };
    client.agent().register_service(&service).await.unwrap();

    let found = client.agent().find_service("web-1").await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.name.as_str()), ("web-1", "web"));
    assert_eq!((found.address.as_str(), found.port), ("10.0.0.1", 8080));
    assert_eq!((found.tags.clone(), found.meta.clone()), (service.tags, service.meta));
    assert_eq!(client.agent().services().await.unwrap(), BTreeMap::from([("web-1".to_owned(), found)]));
}

#[tokio::test]
async fn an_unknown_service_is_none() {
    let Some((_consul, client)) = start().await else { return };
    assert_eq!(client.agent().find_service("web-1").await.unwrap(), None);
    assert!(client.agent().services().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_id_may_have_any_characters() {
    let Some((_consul, client)) = start().await else { return };
    let id = "web/1 ä?%#+&";
    client.agent().register_service(&web(id)).await.unwrap();
    assert_eq!(client.agent().find_service(id).await.unwrap().unwrap().id, id);
    client.agent().deregister_service(id).await.unwrap();
    assert_eq!(client.agent().find_service(id).await.unwrap(), None);
}

#[tokio::test]
async fn registering_again_replaces_the_service_and_its_checks() {
    let Some((_consul, client)) = start().await else { return };
    let first = NewService { checks: vec![ttl("old")], ..web("web-1") };
    client.agent().register_service(&first).await.unwrap();
    let second = NewService { port: 81, checks: vec![ttl("new")], ..web("web-1") };
    client.agent().register_service(&second).await.unwrap();

    assert_eq!(client.agent().find_service("web-1").await.unwrap().unwrap().port, 81);
    let checks = client.agent().checks().await.unwrap();
    assert_eq!(checks.keys().collect::<Vec<_>>(), ["new"]);
}

#[tokio::test]
async fn a_deregistered_instance_is_gone() {
    let Some((_consul, client)) = start().await else { return };
    for id in ["web-1", "web-2"] {
        client.agent().register_service(&web(id)).await.unwrap();
    }
    client.agent().deregister_service("web-1").await.unwrap();

    assert_eq!(client.agent().find_service("web-1").await.unwrap(), None);
    let instances = client.health().service("web", &ALL, &Query::default()).await.unwrap().value;
    assert_eq!(instances.iter().map(|it| it.service.id.as_str()).collect::<Vec<_>>(), ["web-2"]);
}

#[tokio::test]
async fn deregistering_what_is_not_there_is_fine() {
    let Some((_consul, client)) = start().await else { return };
    client.agent().deregister_service("web-1").await.unwrap();
    client.agent().deregister_check("web-1-ttl").await.unwrap();
}

#[tokio::test]
async fn a_definition_that_consul_does_not_accept_is_refused_in_its_words() {
    let Some((_consul, client)) = start().await else { return };
    let nameless = NewService { name: String::new(), ..web("web-1") };
    let Error::Refused { status, message } = error(client.agent().register_service(&nameless)).await else { panic!() };
    assert_eq!((status, message.as_str()), (400, "Missing service name"));
}

#[tokio::test]
async fn maintenance_takes_one_service_out() {
    let Some((_consul, client)) = start().await else { return };
    for id in ["web-1", "web-2"] {
        client.agent().register_service(&web(id)).await.unwrap();
    }
    let passing = async || client.health().service("web", &PASSING, &Query::default()).await.unwrap().value.len();

    client.agent().start_service_maintenance("web-1", "a new disk & more").await.unwrap();
    eventually("one instance less", async || passing().await == 1).await;
    let all = client.health().service("web", &ALL, &Query::default()).await.unwrap().value;
    assert_eq!(all.iter().filter(|it| it.is_passing()).count(), 1);

    client.agent().end_service_maintenance("web-1").await.unwrap();
    eventually("both instances again", async || passing().await == 2).await;
}

#[tokio::test]
async fn maintenance_of_the_node_takes_all_its_services_out() {
    let Some((_consul, client)) = start().await else { return };
    client.agent().register_service(&web("web-1")).await.unwrap();
    let passing = async || client.health().service("web", &PASSING, &Query::default()).await.unwrap().value.len();

    client.agent().start_maintenance("a new disk").await.unwrap();
    eventually("no instance", async || passing().await == 0).await;
    client.agent().end_maintenance().await.unwrap();
    eventually("the instance again", async || passing().await == 1).await;
}

#[tokio::test]
async fn maintenance_of_an_unknown_service_is_not_found() {
    let Some((_consul, client)) = start().await else { return };
    let started = error(client.agent().start_service_maintenance("web-1", "")).await;
    assert!(matches!(started, Error::NotFound(_)), "{started}");
    let ended = error(client.agent().end_service_maintenance("web-1")).await;
    assert!(matches!(ended, Error::NotFound(_)), "{ended}");
}

#[tokio::test]
async fn an_agent_says_who_it_is() {
    let Some((_consul, client)) = start().await else { return };
    let info = client.agent().info().await.unwrap();
    assert_eq!((info.datacenter.as_str(), info.node_name.as_str()), ("dc1", "test"));
    assert!(info.version.starts_with(|c: char| c.is_ascii_digit()), "{}", info.version);
}
