//! Finding others: who comes, who goes, who is well.

use std::time::Duration;

use discovery::Registration;
use tokio::{io::AsyncReadExt, time::Instant};

use crate::{
    harness::{eventually, known_ids, registry, seen, service, start},
    liar::{self, Liar},
    member::Member,
};

#[tokio::test]
async fn who_comes_is_seen_by_who_watches() {
    let Some((consul, ours)) = start().await else { return };
    let theirs = registry(&consul.url());
    let mut instances = theirs.watch(&service("web")).unwrap();
    let first = Member::join(&ours, "web").await;
    seen(&mut instances, &[&first.id]).await;
    let second = Member::join(&ours, "web").await;
    seen(&mut instances, &[&first.id, &second.id]).await;
    let _another_service = Member::join(&ours, "webs").await;
    let third = Member::join(&ours, "web").await;
    seen(&mut instances, &[&first.id, &second.id, &third.id]).await;
}

#[tokio::test]
async fn who_is_not_ready_leaves_and_who_is_again_returns() {
    let Some((_consul, ours)) = start().await else { return };
    let (steady, shaky) = (Member::join(&ours, "web").await, Member::join(&ours, "web").await);
    let mut instances = ours.watch(&service("web")).unwrap();
    seen(&mut instances, &[&steady.id, &shaky.id]).await;
    shaky.readyz.set(false);
    seen(&mut instances, &[&steady.id]).await;
    shaky.readyz.set(true);
    seen(&mut instances, &[&steady.id, &shaky.id]).await;
}

#[tokio::test]
async fn who_dies_leaves() {
    let Some((_consul, ours)) = start().await else { return };
    let (steady, mortal) = (Member::join(&ours, "web").await, Member::join(&ours, "web").await);
    let mut instances = ours.watch(&service("web")).unwrap();
    seen(&mut instances, &[&steady.id, &mortal.id]).await;
    mortal.die().await.stop();
    seen(&mut instances, &[&steady.id]).await;
}

#[tokio::test]
async fn a_new_life_at_the_same_address_is_another_instance() {
    let Some((_consul, ours)) = start().await else { return };
    let member = Member::join(&ours, "web").await;
    let mut instances = ours.watch(&service("web")).unwrap();
    let before = seen(&mut instances, &[&member.id]).await;

    let address = member.readyz.address;
    let registration = Registration::grpc("web", "1.2.4", address, address);
    let reborn = Member::join_as(&ours, registration, member.die().await);
    let after = seen(&mut instances, &[&reborn.id]).await;
    assert_eq!((&after[0].id, &after[0].authority), (&before[0].id, &before[0].authority));
    assert_eq!(after[0].started_at, reborn.started_at);
    assert_ne!(after[0], before[0]);
}

#[tokio::test]
async fn that_nobody_is_there_at_first_is_no_answer() {
    let Some((_consul, ours)) = start().await else { return };
    let mut instances = ours.watch(&service("web")).unwrap();
    eventually("an answer", async || ours.report().is_ok_and(|report| report.contains("answered"))).await;
    assert_eq!(instances.current(), None);
    let member = Member::join(&ours, "web").await;
    seen(&mut instances, &[&member.id]).await;
}

#[tokio::test]
async fn that_the_last_one_left_is_not_believed_at_once() {
    let liar = Liar::saying(liar::instances("7", &[("web-1", "10.0.0.1", 80)])).await;
    let ours = registry(&liar.url);
    let mut instances = ours.watch(&service("web")).unwrap();
    seen(&mut instances, &["web-1"]).await;
    liar.say(liar::instances("8", &[]));
    liar.asked(3).await;
    assert_eq!(known_ids(&instances), ["web-1"]);
    liar.say(liar::instances("9", &[("web-2", "10.0.0.2", 80)]));
    seen(&mut instances, &["web-1", "web-2"]).await;
}

#[tokio::test]
async fn those_who_watch_the_same_service_share_one_query() {
    let liar = Liar::saying(liar::instances("7", &[("web-1", "10.0.0.1", 80)])).await;
    let ours = registry(&liar.url);
    let mut watchers = [(); 3].map(|()| ours.watch(&service("web")).unwrap());
    for instances in &mut watchers {
        seen(instances, &["web-1"]).await;
    }
    let late = ours.clone().watch(&service("web")).unwrap();
    assert_eq!(known_ids(&late), ["web-1"]);
    liar.asked(2).await;
    let first_queries = liar.requests().into_iter().filter(|request| !request.contains("index=")).count();
    assert_eq!(first_queries, 1, "{:?}", liar.requests());
}

#[tokio::test]
async fn nobody_is_asked_any_more_when_the_registry_is_gone() {
    let (listener, address) = testkit::listener().await;
    let ours = registry(&format!("http://{address}"));
    let instances = ours.watch(&service("web")).unwrap();
    let (mut query, _) = listener.accept().await.unwrap();
    assert!(query.read(&mut [0; 4096]).await.unwrap() > 0);

    let dropped = Instant::now();
    drop(ours);
    assert_eq!(query.read(&mut [0; 4096]).await.unwrap(), 0, "the connection is still there");
    // Much sooner than a query that nobody answers is given up.
    assert!(dropped.elapsed() < Duration::from_secs(1));
    assert_eq!(instances.current(), None);
}
