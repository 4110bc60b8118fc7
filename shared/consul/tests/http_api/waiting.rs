//! Blocking queries: they end with the change, and not before.

use std::time::Duration;

use consul::{Consistency, InstanceFilter, NewService, Query};
use tokio::{
    join,
    time::{Instant, timeout},
};

use crate::harness::{start, ttl, web};

/// Far longer than a change takes to be told.
const LONG: Query = Query { index: 0, wait: Duration::from_secs(60), consistency: Consistency::Default };

/// Far shorter than [`LONG`], and still enough for a slow machine.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_query_for_instances_ends_with_each_change() {
    let Some((_consul, client)) = start().await else { return };
    let (agent, health) = (client.agent(), client.health());
    let passing = InstanceFilter { passing_only: true, ..InstanceFilter::default() };
    let service = NewService { checks: vec![ttl("ttl")], ..web("web-1") };
    let mut query = LONG;
    let mut answer = health.service("web", &passing, &query).await.unwrap();

    for (change, instances) in [("register", 1), ("fail", 0), ("pass", 1), ("deregister", 0)] {
        let waiting = async {
            // An answer is no proof of a change: any change to the catalogue ends a query for a service without
            // instances.
            while answer.value.len() != instances {
                query = query.after(&answer);
                answer = health.service("web", &passing, &query).await.unwrap();
            }
        };
        let changing = async {
            match change {
                "register" => agent.register_service(&service).await.unwrap(),
                "fail" => agent.fail_check("ttl", "").await.unwrap(),
                "pass" => agent.pass_check("ttl", "").await.unwrap(),
                _ => agent.deregister_service("web-1").await.unwrap(),
            }
        };
        let both = async { join!(waiting, changing) };
        assert!(timeout(SOON, both).await.is_ok(), "{change}: the query does not end");
    }
}

#[tokio::test]
async fn a_query_for_a_key_ends_with_its_creation_its_change_and_its_end() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    let began = Instant::now();

    let query = LONG.after(&kv.get("a", &LONG).await.unwrap());
    let (created, _) = join!(kv.get("a", &query), kv.put("a", b"1"));
    let created = created.unwrap();
    assert_eq!(created.value.as_ref().unwrap().value, b"1");

    let (changed, _) = join!(async { kv.get("a", &query.after(&created)).await.unwrap() }, kv.put("a", b"2"));
    assert_eq!(changed.value.as_ref().unwrap().value, b"2");

    let (deleted, _) = join!(async { kv.get("a", &query.after(&changed)).await.unwrap() }, kv.delete("a"));
    assert_eq!(deleted.value, None);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_query_for_keys_ends_with_a_change_of_any_of_them() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    kv.put("shop/a", b"1").await.unwrap();
    let began = Instant::now();
    let query = LONG.after(&kv.list("shop/", &LONG).await.unwrap());
    let (changed, _) = join!(kv.list("shop/", &query), kv.put("shop/b", b"2"));
    assert_eq!(changed.unwrap().value.len(), 2);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_query_for_a_session_ends_when_the_session_does() {
    let Some((_consul, client)) = start().await else { return };
    let sessions = client.sessions();
    let id = sessions.create(&consul::NewSession::default()).await.unwrap();
    let began = Instant::now();
    let query = LONG.after(&sessions.find(&id, &LONG).await.unwrap());
    let (ended, _) = join!(sessions.find(&id, &query), sessions.destroy(&id));
    assert_eq!(ended.unwrap().value, None);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_query_without_a_change_ends_with_its_wait_and_the_same_index() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    kv.put("a", b"1").await.unwrap();
    let short = Query { wait: Duration::from_millis(200), ..LONG };
    let first = kv.get("a", &short).await.unwrap();
    let began = Instant::now();
    let next = kv.get("a", &short.after(&first)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!((next.index, next.value), (first.index, first.value));
}

#[tokio::test]
async fn a_query_may_take_longer_than_other_calls() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    kv.put("a", b"1").await.unwrap();
    let query = Query { wait: Duration::from_millis(2500), ..LONG };
    let first = kv.get("a", &query).await.unwrap();
    kv.get("a", &query.after(&first)).await.unwrap();
}

#[tokio::test]
async fn an_index_that_consul_does_not_know_yet_waits_too() {
    let Some((_consul, client)) = start().await else { return };
    let query = Query { index: u64::MAX, wait: Duration::from_millis(100), ..LONG };
    let answer = client.kv().list("", &query).await.unwrap();
    // What a client sees of a Consul that was restarted empty: it went backwards.
    assert!(answer.index < query.index);
    assert_eq!(query.after(&answer).index, 0);
}
