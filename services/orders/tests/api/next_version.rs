//! Two versions side by side on one database: the next one has expanded the schema, and this one goes on working.

use orders::MIGRATIONS;

use crate::harness::{Person, Service};

/// What a next version may do to tables that this one is using: expand, and leave contracting to the one after.
const EXPANDED: &str = "
    alter table products add column weight_g bigint not null default 0;
    alter table orders add column note text;
    alter table order_lines add column discount_amount bigint not null default 0;
    create table parcels (order_id uuid not null references orders on delete cascade);
    create index orders_by_age on orders (created_at);
";

#[tokio::test]
async fn this_version_works_on_while_the_next_one_starts_and_starts_again_beside_it() {
    let running = Service::start().await;
    let person = running.person();
    // Its statements are prepared for the tables as they were.
    let before = shop(&person).await;

    testkit::migrate_ahead(&running.database, &MIGRATIONS, EXPANDED).await;
    let during = shop(&person).await;

    let restarted = Service::start_on(running.database.clone()).await;
    let person =
        Person { orders: restarted.orders.clone(), authorization: restarted.tokens.bearer(person.id), ..person };
    let after = shop(&person).await;
    let listed = person.list(&person.id.to_string(), None, "").await.unwrap().orders;
    assert_eq!(listed.into_iter().map(|order| order.id).collect::<Vec<_>>(), [after, during, before]);
}

#[tokio::test]
async fn what_the_next_version_wrote_this_one_can_read_and_change() {
    let service = Service::start().await;
    let person = service.person();
    let id = shop(&person).await;
    testkit::migrate_ahead(&service.database, &MIGRATIONS, EXPANDED).await;
    service.sql("update orders set note = 'ring twice'; insert into parcels select id from orders").await;
    assert_eq!(person.get(&id).await.unwrap().lines.len(), 1);
    person.cancel(&id).await.unwrap();
    assert_eq!(service.count("select count(*) from orders where note = 'ring twice'").await, 1);
}

/// Every statement of the service but cancelling. Returns the order's id.
async fn shop(person: &Person) -> String {
    let order = person.place_with_key(&[("BOX-OAK", 1)], &uuid::Uuid::now_v7().to_string()).await.unwrap();
    assert_eq!(person.get(&order.id).await.unwrap(), order);
    assert!(!person.list(&person.id.to_string(), None, "").await.unwrap().orders.is_empty());
    order.id
}
