//! Which instances of a service there are, filtered, with their checks.

use consul::{CheckStatus, InstanceFilter, NewService, Query};

use crate::harness::{eventually, start, ttl, web};

#[tokio::test]
async fn an_instance_has_its_node_its_service_and_its_checks() {
    let Some((_consul, client)) = start().await else { return };
    let service = NewService { checks: vec![ttl("ttl")], ..web("web-1") };
    client.agent().register_service(&service).await.unwrap();

    let all = InstanceFilter::default();
    let answer = client.health().service("web", &all, &Query::default()).await.unwrap();
    assert!(answer.index > 0);
    assert_eq!(answer.known_leader, Some(true));
    let [instance] = &answer.value[..] else { panic!("{:?}", answer.value) };
    assert_eq!((instance.node.name.as_str(), instance.node.address.as_str()), ("test", "127.0.0.1"));
    assert_eq!((instance.service.id.as_str(), instance.service.port), ("web-1", 80));
    assert_eq!(instance.address(), "127.0.0.1", "a service without an address is where its node is");
    let mut checks: Vec<_> = instance.checks.iter().map(|it| (it.id.as_str(), it.status)).collect();
    checks.sort_by_key(|(id, _)| *id);
    assert_eq!(checks, [("serfHealth", CheckStatus::Passing), ("ttl", CheckStatus::Passing)]);
    assert!(instance.is_passing());
}

#[tokio::test]
async fn the_passing_filter_leaves_out_who_is_not_well() {
    let Some((_consul, client)) = start().await else { return };
    for id in ["web-1", "web-2"] {
        client.agent().register_service(&NewService { checks: vec![ttl(id)], ..web(id) }).await.unwrap();
    }
    client.agent().fail_check("web-1", "").await.unwrap();

    let passing = InstanceFilter { passing_only: true, ..InstanceFilter::default() };
    eventually("one instance less", async || {
        let instances = client.health().service("web", &passing, &Query::default()).await.unwrap().value;
        instances.iter().map(|it| it.service.id.as_str()).eq(["web-2"])
    })
    .await;
}

#[tokio::test]
async fn the_tag_filter_wants_all_its_tags() {
    let Some((_consul, client)) = start().await else { return };
    for (id, tags) in [("web-1", vec!["blue", "v 2"]), ("web-2", vec!["blue"])] {
        let tags = tags.into_iter().map(str::to_owned).collect();
        client.agent().register_service(&NewService { tags, ..web(id) }).await.unwrap();
    }
    let instances = async |tags: &[&str]| {
        let tags = tags.iter().map(|&it| it.to_owned()).collect();
        let filter = InstanceFilter { passing_only: false, tags };
        client.health().service("web", &filter, &Query::default()).await.unwrap().value.len()
    };
    assert_eq!(instances(&["blue"]).await, 2);
    assert_eq!(instances(&["blue", "v 2"]).await, 1);
    assert_eq!(instances(&["red"]).await, 0);
}

#[tokio::test]
async fn a_service_that_is_not_there_has_no_instances_but_an_index() {
    let Some((_consul, client)) = start().await else { return };
    let answer = client.health().service("web", &InstanceFilter::default(), &Query::default()).await.unwrap();
    assert!(answer.value.is_empty() && answer.index > 0, "{answer:?}");
}

#[tokio::test]
async fn checks_are_listed_by_node_and_by_service() {
    let Some((_consul, client)) = start().await else { return };
    let service = NewService { checks: vec![ttl("ttl")], ..web("web-1") };
    client.agent().register_service(&service).await.unwrap();

    let of_service = client.health().checks("web", &Query::default()).await.unwrap().value;
    assert_eq!(of_service.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["ttl"]);
    let of_node = client.health().node("test", &Query::default()).await.unwrap().value;
    assert!(["serfHealth", "ttl"].iter().all(|id| of_node.iter().any(|it| it.id == *id)), "{of_node:?}");
}
