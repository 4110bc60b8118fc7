//! Certificates from files, which are replaced, broken and lost.

use std::time::Duration;

use identity::Mesh;
use testkit::{
    Authority,
    authority::{Papers, PeerFiles},
};
use tokio::time::{sleep, timeout};

use super::pair::{call, serve};

/// Longer than it takes to notice that the files are others.
const SEVERAL_LOOKS: Duration = Duration::from_secs(5);

async fn is_good_until(mesh: &Mesh, year: i32) {
    let end = format!("good until {year}-01-01");
    let seen = async {
        while !mesh.report().is_ok_and(|report| report.contains(&end)) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), seen).await.unwrap_or_else(|_| panic!("never: {end}"));
}

#[tokio::test]
async fn what_is_renewed_is_used_without_a_new_port_or_connector() {
    let authority = Authority::new();
    let files = PeerFiles::of(&authority.papers_until("users", 2070), &authority.pem());
    let users = files.mesh("users").unwrap();
    let (address, gateway) = (serve(&users).await, authority.mesh("gateway"));
    assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway");
    files.write(&authority.papers_until("users", 2071), &authority.pem());
    is_good_until(&users, 2071).await;
    assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway");
}

#[tokio::test]
async fn one_authority_takes_the_place_of_another_step_by_step() {
    let (old, new) = (Authority::new(), Authority::new());
    let both = format!("{}\n{}", old.pem(), new.pem());
    let users_files = PeerFiles::of(&old.papers_until("users", 2070), &old.pem());
    let gateway_files = PeerFiles::of(&old.papers_until("gateway", 2070), &old.pem());
    let (users, gateway) = (users_files.mesh("users").unwrap(), gateway_files.mesh("gateway").unwrap());
    let address = serve(&users).await;
    // First both are believed, then each is signed anew, then the old one is believed no longer.
    for (step, (users_by, gateway_by, authorities)) in
        [(&old, &old, &both), (&new, &old, &both), (&new, &new, &both), (&new, &new, &new.pem())]
            .into_iter()
            .enumerate()
    {
        let year = 2071 + i32::try_from(step).unwrap();
        users_files.write(&users_by.papers_until("users", year), authorities);
        gateway_files.write(&gateway_by.papers_until("gateway", year), authorities);
        is_good_until(&users, year).await;
        is_good_until(&gateway, year).await;
        assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway", "step {step}");
    }
    let late = old.mesh("gateway");
    call(&late, address).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_changes_nothing_until_it_is_whole_again() {
    let authority = Authority::new();
    let (good, next) = (authority.papers_until("users", 2070), authority.papers_until("users", 2071));
    let files = PeerFiles::of(&good, &authority.pem());
    let users = files.mesh("users").unwrap();
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let broken = [
        (Papers { certificate: next.certificate.clone(), key: good.key.clone() }, authority.pem()),
        (Papers { certificate: half(&next.certificate), key: next.key.clone() }, authority.pem()),
        (Papers { certificate: next.certificate.clone(), key: half(&next.key) }, authority.pem()),
        (Papers { certificate: String::new(), key: String::new() }, authority.pem()),
        (authority.papers_until("orders", 2071), authority.pem()),
        (authority.papers_until("users", 2001), authority.pem()),
        (next.clone(), Authority::new().pem()),
        (next.clone(), "no certificate".to_owned()),
    ];
    for (papers, authorities) in &broken {
        files.write(papers, authorities);
        sleep(SEVERAL_LOOKS).await;
        is_good_until(&users, 2070).await;
    }
    files.write(&next, &authority.pem());
    is_good_until(&users, 2071).await;
}

#[tokio::test(start_paused = true)]
async fn that_they_are_gone_changes_nothing() {
    let authority = Authority::new();
    let files = PeerFiles::of(&authority.papers_until("users", 2070), &authority.pem());
    let users = files.mesh("users").unwrap();
    files.delete();
    sleep(SEVERAL_LOOKS).await;
    is_good_until(&users, 2070).await;
    files.write(&authority.papers_until("users", 2071), &authority.pem());
    is_good_until(&users, 2071).await;
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_told_and_shows_no_key() {
    let authority = Authority::new();
    let (users, other) = (authority.papers("users"), authority.papers("users"));
    let pem = authority.pem();
    let error = |papers: &Papers, authorities: &str| PeerFiles::of(papers, authorities).mesh("users").err().unwrap();
    let of_another = Papers { certificate: users.certificate.clone(), key: other.key };
    let nonsense = Papers { certificate: users.certificate.clone(), key: "-----BEGIN secret".to_owned() };
    for (error, reason) in [
        (error(&of_another, &pem), "the private key is not the certificate's"),
        (error(&nonsense, &pem), "there is no private key that can be read"),
        (error(&authority.papers("orders"), &pem), "svc/orders, and this is users"),
        (error(&users, &Authority::new().pem()), "the authorities do not vouch for the certificate"),
        (error(&users, ""), "there is no certificate of an authority that can be read"),
    ] {
        assert!(error.contains(reason), "{reason} is not in: {error}");
        assert!(!error.contains("secret") && !error.contains("BEGIN"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    let authority = Authority::new();
    let files = PeerFiles::of(&authority.papers("users"), &authority.pem());
    files.delete();
    let error = files.mesh("users").err().unwrap();
    assert!(error.starts_with("PEER_TLS_CERTIFICATE_FILE "), "{error}");
}
