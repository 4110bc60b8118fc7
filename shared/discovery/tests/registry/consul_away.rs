//! A Consul that is away, and that returns with nothing in it: what was known is kept.

use std::time::Duration;

use consul::NewService;
use discovery::{Registration, Registry};
use testkit::{Consul, Logs};
use tokio::{
    join,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    harness::{PATIENCE, client, eventually, known_ids, registry, seen, service, start},
    member::{Member, Readyz},
};

/// An instance that nobody looks after.
async fn register_by_hand(consul: &Consul, id: &str) {
    let address = "10.0.0.1".to_owned();
    let web = NewService { id: id.to_owned(), name: "web".to_owned(), address, port: 80, ..NewService::default() };
    client(&consul.url()).agent().register_service(&web).await.unwrap();
}

async fn works(registry: &Registry, whether: bool) {
    eventually("another report", async || registry.report().is_ok() == whether).await;
}

#[tokio::test]
async fn the_last_known_instances_stay_and_who_comes_later_appears_beside_them() {
    let Some((mut consul, ours)) = start().await else { return };
    let logs = Logs::capture();
    register_by_hand(&consul, "web-1").await;
    register_by_hand(&consul, "web-2").await;
    let mut instances = ours.watch(&service("web")).unwrap();
    let known = seen(&mut instances, &["web-1", "web-2"]).await;

    consul.stop();
    works(&ours, false).await;
    assert!(ours.report().unwrap_err().contains("reaching consul does not work: consul cannot be reached"));
    assert_eq!(instances.current(), Some(known.clone()));

    consul.start_again().await;
    works(&ours, true).await;
    assert_eq!(instances.current(), Some(known));
    let late = Member::join(&ours, "web").await;
    seen(&mut instances, &["web-1", "web-2", &late.id]).await;
    // The watch and the registration have the same trouble, which is one.
    assert_eq!(logs.warnings("reaching consul").len(), 1, "{:?}", logs.warnings(""));
}

#[tokio::test]
async fn who_is_registered_is_registered_again_by_itself() {
    let Some((mut consul, ours)) = start().await else { return };
    let member = Member::join(&ours, "web").await;
    seen(&mut ours.watch(&service("web")).unwrap(), &[&member.id]).await;
    consul.stop();
    works(&ours, false).await;
    consul.start_again().await;

    let another = registry(&consul.url());
    seen(&mut another.watch(&service("web")).unwrap(), &[&member.id]).await;
    works(&ours, true).await;
}

#[tokio::test]
async fn who_starts_before_consul_is_found_once_it_is_there() {
    let Some((mut consul, ours)) = start().await else { return };
    consul.stop();
    let member = Member::join(&ours, "web").await;
    let mut instances = ours.watch(&service("web")).unwrap();
    works(&ours, false).await;
    assert!(ours.report().unwrap_err().contains("has never answered"));
    assert_eq!(instances.current(), None);
    consul.start_again().await;
    seen(&mut instances, &[&member.id]).await;
    works(&ours, true).await;
}

#[tokio::test]
async fn settings_stay_as_they_are_as_well() {
    let Some((mut consul, ours)) = start().await else { return };
    client(&consul.url()).kv().put("joist/web/color", b"red").await.unwrap();
    let (sender, mut colors) = tokio::sync::watch::channel(Vec::new());
    ours.live("web").follow("color", move |color| {
        sender.send_modify(|colors| colors.push(color.map(str::to_owned)));
        Ok::<_, String>(())
    });
    colors.wait_for(|colors| *colors == [Some("red".to_owned())]).await.unwrap();

    consul.stop();
    works(&ours, false).await;
    consul.start_again().await;
    works(&ours, true).await;
    client(&consul.url()).kv().put("joist/web/color", b"blue").await.unwrap();
    let blue = colors.wait_for(|colors| colors.len() > 1);
    let colors = timeout(PATIENCE, blue).await.unwrap().unwrap().clone();
    assert_eq!(colors, [Some("red".to_owned()), Some("blue".to_owned())]);
}

#[tokio::test]
async fn leaving_does_not_wait_for_a_consul_that_is_away() {
    let Some((mut consul, ours)) = start().await else { return };
    let member = Member::join(&ours, "web").await;
    seen(&mut ours.watch(&service("web")).unwrap(), &[&member.id]).await;
    consul.stop();
    let began = Instant::now();
    member.leave().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn leaving_does_not_wait_long_for_a_consul_that_says_nothing() {
    let (listener, address) = testkit::listener().await;
    let ours = registry(&format!("http://{address}"));
    let silent = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    let readyz = Readyz::start("127.0.0.1:0").await;
    let registration = Registration::grpc("web", "1.2.3", readyz.address, readyz.address);
    let leaving = CancellationToken::new();
    let leave = async {
        works(&ours, false).await;
        leaving.cancel();
        Instant::now()
    };
    let ((), began) = join!(ours.register(registration, leaving.clone()), leave);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(known_ids(&ours.watch(&service("web")).unwrap()), Vec::<String>::new());
    silent.abort();
}
