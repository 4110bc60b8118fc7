//! An agent behind HTTPS, with an authority of one's own: a file names it.

use std::{fs, path::PathBuf};

use discovery::{Config, Registry};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use testkit::{Consul, ServerCertificate};

use crate::{
    harness::{config, eventually, seen, service},
    member::Member,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn consul_of(authority: &Authority) -> Option<Consul> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    Consul::start_with_https(ServerCertificate { certificate: certificate.pem(), key: key.serialize_pem() }).await
}

/// The settings of a process that believes what is in this file.
fn believing(consul: &Consul, file: &str, pem: &str) -> Config {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&path, pem).unwrap();
    Config { consul_ca_file: Some(path), ..config(&consul.https_url()) }
}

#[tokio::test]
async fn one_registers_and_watches_over_https_as_well() {
    let authority = authority();
    let Some(consul) = consul_of(&authority).await else { return };
    let ours = Registry::new(&believing(&consul, "discovery-ours.pem", &authority.pem())).unwrap();
    let member = Member::join(&ours, "web").await;
    seen(&mut ours.watch(&service("web")).unwrap(), &[&member.id]).await;
}

#[tokio::test]
async fn an_agent_of_another_authority_is_not_believed() {
    let Some(consul) = consul_of(&authority()).await else { return };
    let ours = Registry::new(&believing(&consul, "discovery-other.pem", &authority().pem())).unwrap();
    let instances = ours.watch(&service("web")).unwrap();
    eventually("trouble", async || ours.report().is_err()).await;
    let report = ours.report().unwrap_err();
    assert!(report.contains("certificate"), "{report}");
    assert_eq!(instances.current(), None);
}

#[test]
fn a_file_that_is_not_there_or_no_certificate_is_told_at_the_start() {
    let missing = Config { consul_ca_file: Some("/nowhere/ca.pem".into()), ..config("https://127.0.0.1:8501") };
    let error = Registry::new(&missing).err().unwrap();
    assert_eq!(error.to_string(), "CONSUL_CA_FILE /nowhere/ca.pem cannot be read");

    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("discovery-empty.pem");
    fs::write(&path, "").unwrap();
    let empty = Config { consul_ca_file: Some(path), ..config("https://127.0.0.1:8501") };
    assert!(Registry::new(&empty).err().unwrap().to_string().contains("certificate"));
}
