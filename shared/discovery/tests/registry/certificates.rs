//! What a service proves itself with, by Consul's authority.

use std::time::Duration;

use discovery::Registry;
use testkit::Consul;
use tokio::time::timeout;

use crate::harness::{config, eventually};

/// Nobody here has it.
const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

#[tokio::test]
async fn a_service_is_given_a_certificate_and_whom_to_believe() {
    let Some(consul) = Consul::start().await else { return };
    let registry = Registry::new(&config(&consul.url())).unwrap();
    let mut granted = registry.certificates("web").unwrap();
    let certificates = timeout(Duration::from_secs(10), granted.wait_for(Option::is_some)).await.unwrap().unwrap();
    let certificates = certificates.as_ref().unwrap();
    assert!(certificates.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(certificates.authorities.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(certificates.private_key.expose().contains("PRIVATE KEY"));
    assert!(!format!("{certificates:?}").contains("PRIVATE KEY"));
}

#[tokio::test]
async fn who_may_not_have_one_is_told_so() {
    let Some(consul) = Consul::start_with_acl(TOKEN).await else { return };
    let registry = Registry::new(&config(&consul.url())).unwrap();
    let granted = registry.certificates("web").unwrap();
    eventually("trouble", async || registry.report().is_err()).await;
    let report = registry.report().unwrap_err();
    assert!(report.contains("watching the certificate of web does not work"), "{report}");
    assert!(granted.borrow().is_none());
}

#[tokio::test]
async fn without_consul_there_is_nobody_to_ask() {
    let error = Registry::in_process().certificates("web").unwrap_err();
    assert_eq!(error.to_string(), "certificates by Consul need a CONSUL_URL");
}
