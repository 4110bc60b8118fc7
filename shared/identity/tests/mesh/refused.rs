//! Who is not, in both directions: it learns nothing, and nothing of what is said.

use rcgen::{BasicConstraints, IsCa, SanType, date_time_ymd};
use rustls::{AlertDescription, version::TLS12};
use testkit::{
    Authority, Logs,
    authority::{CertificateParams, Papers, uri},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{outsider, pair};

/// Neither may it call, nor is it called.
async fn is_refused(authority: &Authority, as_caller: &Papers, as_called: &Papers) {
    let users = pair::serve(&authority.mesh("users")).await;
    let told = outsider::alert(outsider::call(Some(as_caller), users).await);
    assert_eq!(told, Some(AlertDescription::CertificateUnknown), "it is told as little as anybody");

    let impostor = outsider::serve(as_called).await;
    let error = pair::call(&authority.mesh("gateway"), impostor).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}");
    // The service itself is as good as ever.
    assert_eq!(pair::call(&authority.mesh("gateway"), users).await.unwrap(), "hello gateway");
}

/// Good papers, but for this change.
async fn is_refused_with(change: impl Fn(&mut CertificateParams)) {
    let authority = Authority::new();
    let papers = |service| {
        let mut params = Authority::params(service);
        change(&mut params);
        authority.sign(&params)
    };
    is_refused(&authority, &papers("gateway"), &papers("users")).await;
}

#[tokio::test]
async fn why_a_peer_is_refused_is_one_warning() {
    let logs = Logs::capture();
    let authority = Authority::new();
    let users = pair::serve(&authority.mesh("users")).await;
    outsider::call(Some(&authority.papers("payments")), users).await.unwrap_err();
    let id = "spiffe://joist.test/ns/default/dc/dc1/svc/payments";
    let [warning] = &logs.warnings("peer_refused")[..] else { panic!("not one warning") };
    assert!(warning.contains(&format!("{id} is not allowed to call")) && warning.contains("127.0.0.1:"), "{warning}");

    outsider::call(Some(&Authority::new().papers("gateway")), users).await.unwrap_err();
    let [_, warning] = &logs.warnings("peer_refused")[..] else { panic!("not two warnings") };
    assert!(warning.contains("whoever says to be spiffe://joist.test/ns/default/dc/dc1/svc/gateway"), "{warning}");
}

#[tokio::test]
async fn a_stranger_to_the_authority() {
    let other = Authority::new();
    is_refused(&Authority::new(), &other.papers("gateway"), &other.papers("users")).await;
}

#[tokio::test]
async fn a_service_that_is_not_meant() {
    let authority = Authority::new();
    is_refused(&authority, &authority.papers("payments"), &authority.papers("orders")).await;
}

#[tokio::test]
async fn one_whose_certificate_is_over() {
    is_refused_with(|params| params.not_after = date_time_ymd(2020, 1, 1)).await;
}

#[tokio::test]
async fn one_whose_certificate_has_not_begun() {
    is_refused_with(|params| params.not_before = date_time_ymd(2120, 1, 1)).await;
}

#[tokio::test]
async fn one_of_another_trust_domain() {
    is_refused_with(|params| {
        let SanType::URI(own) = &params.subject_alt_names[0] else { panic!() };
        let other = own.as_str().replace("joist.test", "other.test");
        params.subject_alt_names = vec![uri(&other)];
    })
    .await;
}

#[tokio::test]
async fn one_of_another_namespace() {
    is_refused_with(|params| {
        let SanType::URI(own) = &params.subject_alt_names[0] else { panic!() };
        let other = own.as_str().replace("/ns/default", "/ns/staging");
        params.subject_alt_names = vec![uri(&other)];
    })
    .await;
}

#[tokio::test]
async fn one_without_a_uri() {
    is_refused_with(|params| params.subject_alt_names = vec![SanType::DnsName("users".try_into().unwrap())]).await;
}

#[tokio::test]
async fn one_with_two_uris() {
    is_refused_with(|params| {
        params.subject_alt_names.push(uri("spiffe://joist.test/ns/default/dc/dc1/svc/gateway"));
    })
    .await;
}

#[tokio::test]
async fn one_whose_uri_is_no_id() {
    is_refused_with(|params| params.subject_alt_names = vec![uri("https://joist.test/users")]).await;
}

#[tokio::test]
async fn one_that_shows_the_certificate_of_an_authority() {
    is_refused_with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).await;
}

#[tokio::test]
async fn one_that_shows_nothing() {
    let users = pair::serve(&Authority::new().mesh("users")).await;
    assert_eq!(outsider::alert(outsider::call(None, users).await), Some(AlertDescription::CertificateRequired));
}

#[tokio::test]
async fn one_that_speaks_an_older_version() {
    let authority = Authority::new();
    let users = pair::serve(&authority.mesh("users")).await;
    let answer = outsider::call_by(&TLS12, Some(&authority.papers("gateway")), users).await;
    assert_eq!(outsider::alert(answer), Some(AlertDescription::ProtocolVersion));
}

#[tokio::test]
async fn one_that_speaks_plain_text() {
    let users = pair::serve(&Authority::new().mesh("users")).await;
    let mut stream = TcpStream::connect(users).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: users\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // That it is cut off is as good an answer as an alert.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.len() <= 7, "more than an alert: {}", String::from_utf8_lossy(&answer));
}

#[tokio::test(start_paused = true)]
async fn one_that_says_nothing_for_too_long() {
    let users = pair::serve(&Authority::new().mesh("users")).await;
    let mut stream = TcpStream::connect(users).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn one_that_answers_in_plain_text() {
    let plain = pair::serve(&identity::Mesh::plain()).await;
    pair::call(&Authority::new().mesh("gateway"), plain).await.unwrap_err();
}
