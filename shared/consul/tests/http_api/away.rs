//! An agent that is not there, or no longer, or again; settings that cannot lead to one.

use std::time::Duration;

use consul::{Client, Config, Error, Query};
use tokio::{join, net::TcpStream, time::Instant};

use crate::harness::{client, config, error, eventually, serving, start};

#[tokio::test]
async fn nobody_there_is_told_quickly() {
    let began = Instant::now();
    let (listener, address) = testkit::listener().await;
    drop(listener);
    let error = error(client(&format!("http://{address}")).status().leader()).await;
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(!error.to_string().contains("127.0.0.1"), "where it is belongs into the log");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_query_ends_when_its_agent_does_and_the_client_finds_the_next_one() {
    let Some((mut consul, client)) = start().await else { return };
    let kv = client.kv();
    kv.put("a", b"1").await.unwrap();
    let first = kv.get("a", &Query::default()).await.unwrap();

    // The agent ends while the query waits, which the second query shows that it does.
    let long = Query::default().after(&first);
    let waiting = error(kv.get("a", &long));
    let ending = async {
        let short = Query { wait: Duration::from_millis(200), ..long };
        kv.get("a", &short).await.unwrap();
        consul.stop();
    };
    let (broken, ()) = join!(waiting, ending);
    assert!(matches!(broken, Error::Unreachable(_)), "{broken}");
    let away = error(kv.get("a", &Query::default())).await;
    assert!(matches!(away, Error::Unreachable(_)), "{away}");

    consul.start_again().await;
    eventually("an answer", async || kv.get("a", &Query::default()).await.is_ok_and(|it| it.value.is_none())).await;
}

#[tokio::test]
async fn an_agent_that_says_nothing_is_given_up() {
    let began = Instant::now();
    let silent = serving(async |stream: TcpStream| {
        let _kept_open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let error = error(client(&silent).status().leader()).await;
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_agent_that_hangs_up_is_unreachable() {
    let rude = serving(async |stream: TcpStream| drop(stream)).await;
    let error = error(client(&rude).status().leader()).await;
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
}

#[test]
fn a_url_that_cannot_be_an_agents_is_refused() {
    for url in ["unix:///run/consul.sock", "ftp://localhost", "http://ada:secret@localhost", "http://localhost/?a=b"] {
        let Err(Error::Misconfigured(message)) = Client::new(&config(url)) else { panic!("{url}") };
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let config = Config { ca_certificate: Some(pem.into()), ..config("https://localhost") };
        assert!(matches!(Client::new(&config), Err(Error::Misconfigured(_))), "{pem}");
    }
}

#[test]
fn a_token_that_no_header_can_carry_is_refused_and_not_shown() {
    let config = Config { token: Some("hush\nhush".to_owned().into()), ..config("http://localhost") };
    let Err(error) = Client::new(&config) else { panic!() };
    assert!(matches!(error, Error::Misconfigured(_)) && !format!("{error:?}").contains("hush"), "{error:?}");
}
