//! What the datacenter consists of, and who leads it.

use consul::{Client, Config, Consistency, Error, NewService, Query};

use crate::harness::{config, error, start, web};

#[tokio::test]
async fn the_catalogue_has_the_services_with_their_tags() {
    let Some((_consul, client)) = start().await else { return };
    client.agent().register_service(&NewService { tags: vec!["blue".to_owned()], ..web("web-1") }).await.unwrap();
    let services = client.catalog().services(&Query::default()).await.unwrap();
    assert_eq!(services.value["web"], ["blue"]);
    assert!(services.index > 0);
}

#[tokio::test]
async fn the_catalogue_has_the_instances_of_a_service() {
    let Some((_consul, client)) = start().await else { return };
    client.agent().register_service(&web("web-1")).await.unwrap();
    let instances = client.catalog().service("web", &Query::default()).await.unwrap().value;
    let [instance] = &instances[..] else { panic!("{instances:?}") };
    assert_eq!((instance.node.name.as_str(), instance.node.address.as_str()), ("test", "127.0.0.1"));
    assert_eq!(Some(&instance.service), client.agent().find_service("web-1").await.unwrap().as_ref());
    assert!(client.catalog().service("none", &Query::default()).await.unwrap().value.is_empty());
}

#[tokio::test]
async fn there_is_a_leader() {
    let Some((_consul, client)) = start().await else { return };
    let leader = client.status().leader().await.unwrap().unwrap();
    assert!(leader.starts_with("127.0.0.1:"), "{leader}");
}

#[tokio::test]
async fn every_consistency_is_understood() {
    let Some((_consul, client)) = start().await else { return };
    for consistency in [Consistency::Default, Consistency::Stale, Consistency::Consistent] {
        let query = Query { consistency, ..Query::default() };
        let answer = client.catalog().services(&query).await.unwrap();
        assert_eq!(answer.known_leader, Some(true));
        assert!(answer.last_contact.is_some());
    }
}

#[tokio::test]
async fn the_datacenter_is_the_one_of_the_settings() {
    let Some((consul, _)) = start().await else { return };
    let client = |name: &str| Client::new(&Config { datacenter: Some(name.to_owned()), ..config(&consul.url()) });
    client("dc1").unwrap().kv().put("a", b"1").await.unwrap();
    let elsewhere = error(client("dc2").unwrap().kv().put("a", b"1")).await;
    assert!(matches!(elsewhere, Error::Refused { status: 500, .. }), "{elsewhere}");
}
