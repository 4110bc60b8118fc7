//! The registry of services that share a process.

use discovery::{Registration, Registry};
use tokio_util::sync::CancellationToken;

use crate::{
    harness::{known_ids, seen, service},
    member::{Member, Readyz},
};

#[tokio::test]
async fn who_registers_is_found_until_it_leaves() {
    let registry = Registry::in_process();
    let mut early = registry.watch(&service("web")).unwrap();
    assert_eq!(early.current(), None);
    let (first, second) = (Member::join(&registry, "web").await, Member::join(&registry, "web").await);
    seen(&mut early, &[&first.id, &second.id]).await;
    let mut late = registry.clone().watch(&service("web")).unwrap();
    let known = seen(&mut late, &[&first.id, &second.id]).await;
    assert_eq!(known[0].started_at, first.started_at);
    assert_eq!(known[0].authority, first.readyz.address.to_string());

    first.leave().await;
    assert_eq!(known_ids(&early), [second.id.as_str()]);
    second.leave().await;
    for instances in [&mut early, &mut late] {
        seen(instances, &[]).await;
    }
}

#[tokio::test]
async fn who_is_aborted_is_found_no_longer() {
    let registry = Registry::in_process();
    let mut instances = registry.watch(&service("web")).unwrap();
    let (steady, mortal) = (Member::join(&registry, "web").await, Member::join(&registry, "web").await);
    seen(&mut instances, &[&steady.id, &mortal.id]).await;
    mortal.die().await;
    assert_eq!(known_ids(&instances), [steady.id.as_str()]);
}

#[tokio::test]
async fn who_listens_everywhere_is_found_on_this_machine() {
    let registry = Registry::in_process();
    let readyz = Readyz::start("127.0.0.1:0").await;
    let (grpc, http) = ("0.0.0.0:50051".parse().unwrap(), "[::]:8081".parse().unwrap());
    let registration = Registration::grpc("web", "1.2.3", grpc, readyz.address).with_http(http);
    let _member = Member::join_as(&registry, registration, readyz);
    let known = seen(&mut registry.watch(&service("web")).unwrap(), &["web-0.0.0.0-50051"]).await;
    assert_eq!(known[0].authority, "127.0.0.1:50051");
    assert_eq!(known[0].http.as_ref().unwrap(), "[::1]:8081");
}

#[tokio::test]
async fn services_and_registries_keep_to_themselves() {
    let (registry, another) = (Registry::in_process(), Registry::in_process());
    let web = Member::join(&registry, "web").await;
    let mut instances = registry.watch(&service("web")).unwrap();
    seen(&mut instances, &[&web.id]).await;
    assert_eq!(registry.watch(&service("webs")).unwrap().current(), None);
    assert_eq!(another.watch(&service("web")).unwrap().current(), None);
    assert_eq!(registry.report().unwrap(), "within this process");
}

#[tokio::test]
async fn a_registration_that_is_told_to_leave_before_it_begins_leaves_nothing() {
    let registry = Registry::in_process();
    let leaving = CancellationToken::new();
    leaving.cancel();
    let address = "127.0.0.1:50051".parse().unwrap();
    registry.register(Registration::grpc("web", "1.2.3", address, address), leaving).await;
    assert!(known_ids(&registry.watch(&service("web")).unwrap()).is_empty());
}
