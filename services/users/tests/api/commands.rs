//! What operators tell the program to do.

use std::process::Output;

use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::{
    harness::{SECRET, Service},
    program::program,
};

/// The program beside a running service, with these arguments.
async fn run(service: &Service, arguments: &[&str]) -> Output {
    let server = service.config.database.database_url.clone();
    let url =
        format!("postgres://postgres@{}:{}/{}", server.get_host(), server.get_port(), server.get_database().unwrap());
    let mut command = program();
    command.envs([("DATABASE_URL", url), ("DATABASE_PASSWORD", testkit::server_password().unwrap_or_default())]);
    command.envs([("KEY_SECRET", SECRET), ("TOKEN_ISSUER", "http://tests")]).args(arguments);
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, reason: &str) {
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains(reason) && complaint.lines().count() == 1, "{complaint}");
}

#[tokio::test]
async fn a_machine_is_registered_and_its_secret_shown_once() {
    let service = Service::start().await;
    let shown = stdout(&run(&service, &["add-client", "robot", "--scope", "orders:read users:read"]).await);
    let line = |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    assert_eq!(line("client_id=").as_deref(), Some("robot"));
    let secret = line("client_secret=").unwrap();
    assert_eq!(shown.matches(&secret).count(), 1, "{shown}");
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "orders:read"),
        ("client_id", "robot"),
        ("client_secret", &secret),
    ];
    assert_eq!(service.token(&form).await.status, 200);
    refused(&run(&service, &["add-client", "robot", "--scope", "orders:read"]).await, "taken");
}

#[tokio::test]
async fn a_client_that_makes_no_sense_is_refused() {
    let service = Service::start().await;
    let table: [(&[&str], &str); 6] = [
        (&["Robot", "--scope", "orders:read"], "client_id"),
        (&["0199aa5e-1111-7abc-8def-0123456789ab", "--scope", "orders:read"], "client_id"),
        (&["robot", "--scope", "everything"], "scope"),
        (&["robot", "--scope", "orders:read", "--redirect-uri", "http://app.example/"], "redirect_uri"),
        (&["robot", "--scope", "orders:read", "--redirect-uri", "https://app.example/#x"], "fragment"),
        (&["robot", "--scope", "orders:read", "--public"], "redirect_uri"),
    ];
    for (arguments, reason) in table {
        refused(&run(&service, &[&["add-client"], arguments].concat()).await, reason);
    }
    assert_eq!(service.ask::<i64>("select count(*) from clients").await, 1);
}

#[tokio::test]
async fn a_public_client_has_no_secret() {
    let service = Service::start().await;
    let arguments = ["add-client", "app", "--scope", "orders:read", "--public", "--redirect-uri"];
    let shown = stdout(&run(&service, &[&arguments[..], &["com.example.app:/cb"]].concat()).await);
    assert!(shown.contains("client_id=app") && !shown.contains("client_secret"), "{shown}");
}

#[tokio::test]
async fn an_administrator_is_made_of_somebody_who_has_an_account() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let done = stdout(&run(&service, &["grant-admin", "Ada@Example.com"]).await);
    assert!(done.contains("admin_granted") && !done.contains("example.com"), "{done}");
    let token = service.sign_in("ada@example.com").await;
    let caller = service.verifier().verify(&format!("Bearer {token}")).await.unwrap();
    assert!(caller.scopes().contains("admin"));
    refused(&run(&service, &["grant-admin", "eve@example.com"]).await, "eve@example.com has no account");
    refused(&run(&service, &["grant-admin", "eve"]).await, "email");
}

#[tokio::test]
async fn keys_are_rotated_on_demand() {
    let service = Service::start().await;
    let done = stdout(&run(&service, &["rotate-keys"]).await);
    assert!(done.contains("key_rotated"), "{done}");
    assert_eq!(service.ask::<i64>("select count(*) from signing_keys").await, 2);
}

#[tokio::test]
async fn an_operator_has_told_again_what_was_told() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    ada.delete(&ada.user.id).await.unwrap();
    while service.ask::<i64>("select count(*) from events.outbox where published_at is not null").await < 1 {}
    stdout(&run(&service, &["outbox", "status"]).await);
    let mut listener = service.bus.listen("users.v1");
    let id: Uuid = service.ask("select id from events.outbox").await;
    stdout(&run(&service, &["outbox", "replay", &id.to_string()]).await);
    assert_eq!(listener.next().await.unwrap().id, id);
    let unknown = run(&service, &["outbox", "drop", &Uuid::now_v7().to_string()]).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}
