//! What operators see: health, reflection, and a database that is slow or gone.

use std::time::Duration;

use rpc::deadline;
use sqlx::{Connection, PgConnection};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::harness::{Service, new_user};

#[tokio::test]
async fn the_service_says_that_it_serves() {
    let service = Service::start().await;
    let mut client = HealthClient::new(testkit::channel(service.grpc, proto::FILE_DESCRIPTOR_SET));
    for name in ["", "users.v1.UsersService"] {
        let answer = client.check(HealthCheckRequest { service: name.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status().as_str_name(), "SERVING", "{name:?}");
    }
}

#[tokio::test]
async fn the_service_describes_itself_and_no_other() {
    let service = Service::start().await;
    let symbol = MessageRequest::FileContainingSymbol("users.v1.UsersService".to_owned());
    let answer = reflected(&service, symbol).await;
    assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");

    let MessageResponse::ListServicesResponse(list) =
        reflected(&service, MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list was asked for");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, ["grpc.health.v1.Health", "users.v1.UsersService"]);
}

async fn reflected(service: &Service, question: MessageRequest) -> MessageResponse {
    let mut client = ServerReflectionClient::new(testkit::channel(service.grpc, proto::FILE_DESCRIPTOR_SET));
    let question = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut answers = client.server_reflection_info(futures::stream::iter([question])).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn a_write_that_waits_for_the_database_ends_with_its_deadline() {
    let service = Service::start().await;
    let mut blocker = PgConnection::connect_with(&service.config.database.database_url).await.unwrap();
    sqlx::query("begin").execute(&mut blocker).await.unwrap();
    sqlx::query("lock table users").execute(&mut blocker).await.unwrap();

    let mut client = service.client.clone();
    let call = async move { client.register(new_user("ada@example.com")).await };
    let answer = deadline::within(Duration::from_millis(600), call).await;
    if let Ok(answer) = answer {
        assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    }

    // PostgreSQL itself gives up the statement: nothing of it waits for the lock any more.
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let mut left = 1i64;
    while left > 0 {
        left = sqlx::query_scalar(waiting).fetch_one(&mut blocker).await.unwrap();
        tokio::task::yield_now().await;
    }
    sqlx::query("rollback").execute(&mut blocker).await.unwrap();
    service.register("ada@example.com").await;
}

#[tokio::test]
async fn a_failing_database_is_an_internal_error_that_tells_nothing() {
    let service = Service::start().await;
    let mut operator = PgConnection::connect_with(&service.config.database.database_url).await.unwrap();
    sqlx::query("alter table users rename to people").execute(&mut operator).await.unwrap();
    let status = service.client.clone().register(new_user("ada@example.com")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    assert!(status.details().is_empty());
}
