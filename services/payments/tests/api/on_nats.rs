//! The same on the bus of production, whose server comes and goes.

use events::Bus;
use testkit::Nats;
use uuid::Uuid;

use crate::harness::{Shop, cancelled, placed};

#[tokio::test]
async fn an_order_is_charged_and_refunded_on_a_real_bus_that_is_killed_in_between() {
    let Some(mut nats) = Nats::start().await else { return };
    let config = events::Config { nats_url: nats.url(), nats_user: None, nats_password: None, events_max_deliver: 10 };
    let bus = Bus::connect(&config, "payments").await.unwrap();
    let shop = Shop::open_with(testkit::private_database(&payments::MIGRATIONS).await, bus);
    let _payments = (shop.start().await, shop.start().await);

    let order = Uuid::now_v7();
    let event = placed(order, 100);
    shop.tell(&event).await;
    shop.until_status(order, "captured").await;
    shop.until_count("select count(*) from events.outbox where published_at is not null", 1).await;

    nats.stop();
    nats.start_again().await;
    shop.tell(&event).await;
    shop.tell(&cancelled(order)).await;
    shop.until_status(order, "refunded").await;
    shop.until_count("select count(*) from events.outbox where published_at is not null", 2).await;
    assert_eq!(shop.attempts(order).await, "charge captured, cancel refunded");
}
