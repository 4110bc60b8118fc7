//! The program itself: settings that do not go together, and what operators tell it to do.

use std::process::{Command, Output};

use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::harness::Service;

#[test]
fn a_service_that_is_only_a_name_needs_a_registry() {
    for (setting, peer) in
        [("USERS_URL", "consul:///users"), ("TOKEN_JWKS_URL", "consul:///users/.well-known/jwks.json")]
    {
        let mut program = Command::new(env!("CARGO_BIN_EXE_orders"));
        program.env_clear().envs([("GRPC_ADDR", "127.0.0.1:0"), ("OPS_ADDR", "127.0.0.1:0"), (setting, peer)]);
        // Nobody is there: it must not come to that.
        let output = program.env("DATABASE_URL", "postgres://orders@127.0.0.1:1/orders").output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{setting}: {complaint}");
        assert!(complaint.contains("CONSUL_URL"), "{setting}: {complaint}");
    }
}

/// The program beside a running service, with these arguments.
async fn run(service: &Service, arguments: &[&str]) -> Output {
    let server = service.database.database_url.clone();
    let url =
        format!("postgres://postgres@{}:{}/{}", server.get_host(), server.get_port(), server.get_database().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command.env_clear().env("DATABASE_PASSWORD", testkit::server_password().unwrap_or_default());
    command.env("DATABASE_URL", url).args(arguments);
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn an_operator_asks_for_the_outbox_and_has_an_event_told_again() {
    let service = Service::start().await;
    let order = service.person().place(&[("TABLE-OAK", 1)]).await.unwrap();
    while service.count("select count(*) from events.outbox where published_at is not null").await < 1 {}
    let status = run(&service, &["outbox", "status"]).await;
    assert!(status.status.success(), "{status:?}");
    let mut listener = service.bus.listen("orders.v1");
    let id = service.ask("select id::text from events.outbox where subject = $1::uuid", &order.id).await.remove(0);
    let replayed = run(&service, &["outbox", "replay", &id]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    assert_eq!(listener.next().await.unwrap().id.to_string(), id);
}

#[tokio::test]
async fn an_event_that_is_not_there_is_neither_told_again_nor_dropped() {
    let service = Service::start().await;
    for verb in ["replay", "drop"] {
        let refused = run(&service, &["outbox", verb, &Uuid::now_v7().to_string()]).await;
        let complaint = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), complaint.lines().count()), (Some(1), 1), "{verb}: {complaint}");
    }
}
