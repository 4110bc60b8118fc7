//! Two versions side by side on one database: the next one has expanded the schema, and this one goes on working.

use orders::MIGRATIONS;
use sqlx::{Connection, PgConnection, migrate::Migrator};

use crate::harness::{Person, Service};

/// What a next version may do to tables that this one is using: expand, and leave contracting to the one after.
const EXPANDED: &str = "
    alter table products add column weight_g bigint not null default 0;
    alter table orders add column note text;
    alter table order_lines add column discount_amount bigint not null default 0;
    create table parcels (order_id uuid not null references orders on delete cascade);
    create index orders_by_age on orders (created_at);
    alter table order_events add column note text;
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
    let person = restarted.known(&person);
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

/// What a customer does but for cancelling. Returns the order's id.
async fn shop(person: &Person) -> String {
    let order = person.place_with_key(&[("BOX-OAK", 1)], &uuid::Uuid::now_v7().to_string()).await.unwrap();
    assert_eq!(person.get(&order.id).await.unwrap(), order);
    assert!(!person.list(&person.id.to_string(), None, "").await.unwrap().orders.is_empty());
    order.id
}

/// The schema as the version before leaves it, and what it writes there.
const BEFORE: i64 = 4;
const WRITTEN_BEFORE: &str = "
    insert into orders (id, user_id, status, currency, total_amount, version, created_at, updated_at)
    values ('0199aa5e-1111-7abc-8def-0123456789ab', '0199aa5e-2222-7abc-8def-0123456789ab', 'pending', 'EUR', 3840, 1,
            now(), now());
    insert into order_lines (order_id, sku, name, quantity, unit_price_amount, total_amount)
    values ('0199aa5e-1111-7abc-8def-0123456789ab', 'BOX-OAK', 'Oak Box', 1, 3840, 3840);
";

#[tokio::test]
async fn what_the_version_before_has_written_goes_on_from_there() {
    let old = testkit::private_database(&MIGRATIONS).await;
    let mut operator = PgConnection::connect_with(&old.database_url).await.unwrap();
    let emptied = "drop schema public cascade; create schema public";
    sqlx::raw_sql(emptied).execute(&mut operator).await.unwrap();
    let before = Migrator::with_migrations(MIGRATIONS.iter().filter(|it| it.version <= BEFORE).cloned().collect());
    database::migrate(&database::connect(&old).await.unwrap(), &before).await.unwrap();
    sqlx::raw_sql(WRITTEN_BEFORE).execute(&mut operator).await.unwrap();

    let now = Service::start_on(old).await;
    let id = "0199aa5e-2222-7abc-8def-0123456789ab".parse().unwrap();
    let ada = Person { id, authorization: now.tokens.bearer(id), orders: now.orders.clone() };
    let order = ada.get("0199aa5e-1111-7abc-8def-0123456789ab").await.unwrap();
    assert_eq!(now.recorded_of(&order).await, ["1 pending unknown unknown"]);
    let mut versions = ada.watch(&order.id, 0).await.unwrap();
    ada.cancel(&order.id).await.unwrap();
    for version in [1, 2] {
        assert_eq!(versions.message().await.unwrap().unwrap().version, version);
    }
    // The version before goes on beside this one, and records nothing.
    now.sql("delete from order_events").await;
    assert_eq!(ada.watch(&order.id, 1).await.unwrap().message().await.unwrap().unwrap().version, 2);
}
