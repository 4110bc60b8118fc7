//! What operators see.

use futures::future::join_all;
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
