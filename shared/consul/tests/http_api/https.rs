//! HTTPS with an authority of one's own: it alone is believed.

use consul::{Client, Config, Error};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use testkit::{Consul, ServerCertificate};

use crate::harness::{config, error};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate_of(address: &str, authority: &Authority) -> ServerCertificate {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([address.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    ServerCertificate { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn client(url: &str, authority: &Authority) -> Client {
    Client::new(&Config { ca_certificate: Some(authority.pem().into_bytes()), ..config(url) }).unwrap()
}

#[tokio::test]
async fn an_agent_of_the_right_authority_is_believed() {
    let authority = authority();
    let Some(consul) = Consul::start_with_https(certificate_of("127.0.0.1", &authority)).await else { return };
    let client = client(&consul.https_url(), &authority);
    client.kv().put("a", b"1").await.unwrap();
    assert!(client.status().leader().await.unwrap().is_some());
}

#[tokio::test]
async fn an_agent_of_another_authority_is_not_believed() {
    let Some(consul) = Consul::start_with_https(certificate_of("127.0.0.1", &authority())).await else { return };
    let refused = error(client(&consul.https_url(), &authority()).status().leader()).await;
    assert!(matches!(refused, Error::Unreachable(_)), "{refused}");
    assert!(format!("{refused:?}").contains("InvalidCertificate"), "{refused:?}");

    let without = Client::new(&config(&consul.https_url())).unwrap();
    let refused = error(without.status().leader()).await;
    assert!(matches!(refused, Error::Unreachable(_)), "{refused}");
}

#[tokio::test]
async fn an_agent_under_another_name_is_not_believed() {
    let authority = authority();
    let Some(consul) = Consul::start_with_https(certificate_of("127.0.0.2", &authority)).await else { return };
    let refused = error(client(&consul.https_url(), &authority).status().leader()).await;
    assert!(matches!(refused, Error::Unreachable(_)), "{refused}");
}
