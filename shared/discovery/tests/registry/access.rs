//! Whether Consul lets us: tokens that it accepts, does not know, or no longer knows; datacenters.

use discovery::{Config, Registry};
use testkit::{Consul, Logs};

use crate::{
    harness::{config, eventually, known_ids, seen, service},
    member::Member,
};

const MANAGEMENT: &str = "0c9f7a3e-51b4-4d7f-8f43-6f0f5f0c1d11";
const TOKEN: &str = "7d1e2b9a-08c5-4be1-9e0b-2a6d4c3f9e77";

/// What the token is called where its secret must not be.
const ACCESSOR: &str = "3b0f9a52-6f1e-4a7c-9c55-52f0a3b1d5e2";

fn with_token(consul: &Consul, token: &str) -> Registry {
    Registry::new(&Config { consul_token: Some(token.to_owned().into()), ..config(&consul.url()) }).unwrap()
}

/// Lets [`TOKEN`] do everything.
async fn grant(consul: &Consul) {
    let token = format!(
        r#"{{"AccessorID": "{ACCESSOR}", "SecretID": "{TOKEN}", "Policies": [{{"Name": "global-management"}}]}}"#
    );
    let request = reqwest::Client::builder().build().unwrap().put(format!("{}/v1/acl/token", consul.url()));
    manage(request.body(token)).await;
}

/// Lets it do nothing any more.
async fn revoke(consul: &Consul) {
    let http = reqwest::Client::builder().build().unwrap();
    manage(http.delete(format!("{}/v1/acl/token/{ACCESSOR}", consul.url()))).await;
}

async fn manage(request: reqwest::RequestBuilder) {
    request.header("x-consul-token", MANAGEMENT).send().await.unwrap().error_for_status().unwrap();
}

async fn trouble(registry: &Registry) -> String {
    eventually("trouble", async || registry.report().is_err()).await;
    registry.report().unwrap_err()
}

async fn all_is_well(registry: &Registry) {
    eventually("a good report", async || registry.report().is_ok_and(|report| report.contains("answered"))).await;
}

#[tokio::test]
async fn a_token_that_consul_knows_is_enough_for_everything() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let logs = Logs::capture();
    let ours = with_token(&consul, MANAGEMENT);
    let (leaves, stays) = (Member::join(&ours, "web").await, Member::join(&ours, "web").await);
    let mut instances = ours.watch(&service("web")).unwrap();
    seen(&mut instances, &[&leaves.id, &stays.id]).await;
    leaves.leave().await;
    seen(&mut instances, &[&stays.id]).await;
    all_is_well(&ours).await;
    assert_eq!(logs.warnings(""), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_token_one_is_told_so_and_found_by_nobody() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let logs = Logs::capture();
    let ours = Registry::new(&config(&consul.url())).unwrap();
    let member = Member::join(&ours, "web").await;
    let report = trouble(&ours).await;
    assert!(report.contains("consul's access control refuses: Permission denied"), "{report}");
    assert_eq!(logs.warnings(&format!("registering {}", member.id)).len(), 1, "{:?}", logs.warnings(""));
    let theirs = with_token(&consul, MANAGEMENT);
    let instances = theirs.watch(&service("web")).unwrap();
    all_is_well(&theirs).await;
    assert_eq!(instances.current(), None);
}

#[tokio::test]
async fn a_token_that_consul_does_not_know_yet_works_once_it_does() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let logs = Logs::capture();
    let ours = with_token(&consul, TOKEN);
    let member = Member::join(&ours, "web").await;
    let mut instances = ours.watch(&service("web")).unwrap();
    let report = trouble(&ours).await;
    assert!(report.contains("ACL not found"), "{report}");
    assert_eq!(instances.current(), None);

    grant(&consul).await;
    seen(&mut instances, &[&member.id]).await;
    all_is_well(&ours).await;
    assert_eq!(logs.warnings("watching web").len(), 1, "{:?}", logs.warnings(""));
    assert_eq!(logs.warnings("registering web").len(), 1, "{:?}", logs.warnings(""));
    assert!(!logs.warnings("").join("").contains(TOKEN));
}

#[tokio::test]
async fn a_token_that_is_revoked_takes_nobody_away() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let logs = Logs::capture();
    grant(&consul).await;
    let (theirs, ours) = (with_token(&consul, MANAGEMENT), with_token(&consul, TOKEN));
    let first = Member::join(&theirs, "web").await;
    let mut instances = ours.watch(&service("web")).unwrap();
    seen(&mut instances, &[&first.id]).await;

    revoke(&consul).await;
    // Whoever waits for an answer learns of it with the next one.
    let second = Member::join(&theirs, "web").await;
    let report = trouble(&ours).await;
    assert!(report.contains("watching web does not work") && report.contains("ACL not found"), "{report}");
    assert!(known_ids(&instances).contains(&first.id));

    grant(&consul).await;
    all_is_well(&ours).await;
    seen(&mut instances, &[&first.id, &second.id]).await;
    assert_eq!(logs.warnings("watching web").len(), 1, "{:?}", logs.warnings(""));
}

#[tokio::test]
async fn the_others_are_looked_for_in_the_datacenter_of_the_settings() {
    let Some(consul) = Consul::start().await else { return };
    let logs = Logs::capture();
    let member = Member::join(&Registry::new(&config(&consul.url())).unwrap(), "web").await;
    let of = |datacenter: &str| {
        let consul_datacenter = Some(datacenter.to_owned());
        Registry::new(&Config { consul_datacenter, ..config(&consul.url()) }).unwrap()
    };
    let here = of("dc1");
    seen(&mut here.watch(&service("web")).unwrap(), &[&member.id]).await;

    let nowhere = of("atlantis");
    let instances = nowhere.watch(&service("web")).unwrap();
    let report = trouble(&nowhere).await;
    assert!(report.contains("consul answered 500: No path to datacenter"), "{report}");
    assert_eq!(instances.current(), None);
    assert_eq!(logs.warnings("watching web").len(), 1, "{:?}", logs.warnings(""));
}
