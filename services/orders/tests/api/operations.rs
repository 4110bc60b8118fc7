//! What operators see, and what a deadline does to an order that waits.

use std::time::Duration;

use futures::future::join_all;
use rpc::deadline;
use sqlx::{Connection, PgConnection};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::harness::Service;

#[tokio::test]
async fn both_services_say_that_they_serve() {
    let service = Service::start().await;
    let mut client = HealthClient::new(testkit::channel(service.grpc, proto::FILE_DESCRIPTOR_SET));
    for name in ["orders.v1.OrdersService", "orders.v1.CatalogService"] {
        let answer = client.check(HealthCheckRequest { service: name.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status().as_str_name(), "SERVING", "{name}");
    }
}

#[tokio::test]
async fn an_order_that_waits_for_stock_ends_with_its_deadline_and_takes_nothing() {
    let service = Service::start().await;
    let mut blocker = PgConnection::connect_with(&service.database.database_url).await.unwrap();
    sqlx::raw_sql("begin; select 1 from products where sku = 'TABLE-OAK' for update")
        .execute(&mut blocker)
        .await
        .unwrap();

    let person = service.person();
    // One that is not blocked comes first: it fetches the keys that tokens are verified with.
    person.place(&[("BOX-OAK", 1)]).await.unwrap();
    let answer = deadline::within(Duration::from_millis(300), person.place(&[("TABLE-OAK", 1)])).await;
    if let Ok(answer) = answer {
        assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    }

    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut blocker).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    assert_eq!(service.stock("TABLE-OAK").await, 20);
    assert_eq!(service.count("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn one_connection_is_enough_for_everybody() {
    let database = testkit::private_database(&orders::MIGRATIONS).await;
    let service = Service::start_on(database::Config { database_max_connections: 1, ..database }).await;
    let rounds = (0..10).map(|_| async {
        let person = service.person();
        let order = person.place_with_key(&[("BOX-OAK", 1)], "key").await.unwrap();
        assert_eq!(person.place_with_key(&[("BOX-OAK", 1)], "key").await.unwrap(), order);
        person.list(&person.id.to_string(), None, "").await.unwrap();
        person.cancel(&order.id).await.unwrap();
    });
    join_all(rounds).await;
    assert_eq!(service.stock("BOX-OAK").await, 150);
}
