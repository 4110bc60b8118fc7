//! Who is who it says it is.

use identity::Mesh;
use testkit::Authority;

use super::pair::{call, serve};

#[tokio::test]
async fn each_side_knows_the_other() {
    let authority = Authority::new();
    let users = serve(&authority.mesh("users")).await;
    assert_eq!(call(&authority.mesh("gateway"), users).await.unwrap(), "hello gateway");
    assert_eq!(call(&authority.mesh("orders"), users).await.unwrap(), "hello orders");
}

#[tokio::test]
async fn without_a_mesh_nobody_is_known_and_all_may_call() {
    let users = serve(&Mesh::plain()).await;
    assert_eq!(call(&Mesh::plain(), users).await.unwrap(), "hello somebody");
}

#[tokio::test]
async fn a_report_says_who_this_is_and_until_when() {
    let authority = Authority::new();
    let files = testkit::authority::PeerFiles::of(&authority.papers_until("users", 2077), &authority.pem());
    let report = files.mesh("users").unwrap().report().unwrap();
    assert_eq!(report, "spiffe://joist.test/ns/default/dc/dc1/svc/users, good until 2077-01-01T00:00:00Z");
    assert_eq!(Mesh::plain().report().unwrap(), "off");
}

/// More than may prove themselves at a time would be too many for this test; one is enough to see that nobody waits.
#[tokio::test]
async fn who_says_nothing_holds_nobody_up() {
    let authority = Authority::new();
    let users = serve(&authority.mesh("users")).await;
    let silent = tokio::net::TcpStream::connect(users).await.unwrap();
    assert_eq!(call(&authority.mesh("gateway"), users).await.unwrap(), "hello gateway");
    drop(silent);
}
