//! With the users, rights and room of production: they are enough for everything that a service does, and the rights for
//! nothing else.

use events::{Bus, Config, DeadLettersCommand, Envelope, PublishError};
use testkit::NatsSettings;
use uuid::Uuid;

use crate::stage::{Handler, Hearer, OrderPlaced, Stage, Teller, until};

const PRODUCTION: &str = include_str!("../../../../deploy/nats/nats.conf");

async fn stage() -> Option<Stage> {
    let (_, users) = PRODUCTION.split_once("\nauthorization ").unwrap();
    let passwords = ["users", "orders", "payments"].map(|user| format!("{user}_password: \"secret of {user}\"\n"));
    let configuration = format!("{}authorization {users}", passwords.concat());
    Stage::set_with(NatsSettings { configuration, max_file_store: Some(room()), ..NatsSettings::default() }).await
}

fn room() -> String {
    let mut lines = PRODUCTION.lines();
    let limit = lines.find_map(|line| line.trim().strip_prefix("max_file_store: ")).unwrap();
    limit.split_whitespace().next().unwrap().to_owned()
}

async fn bus(stage: &Stage, service: &'static str) -> Bus {
    let password = Some(format!("secret of {service}").into());
    let config = Config { nats_user: Some(service.to_owned()), nats_password: password, ..stage.config() };
    Bus::connect(&config, service).await.unwrap()
}

#[tokio::test]
async fn the_rights_are_enough_for_an_event_its_failure_and_its_replay() {
    let Some(stage) = stage().await else { return };
    let (orders, payments) = (bus(&stage, "orders").await, bus(&stage, "payments").await);
    let mut watchers = orders.listen("orders.v1");
    let handler = Handler::poisoned_by(1);
    let _payments = Hearer::start("payments", &stage.pool, &payments, &handler);
    let teller = Teller::start(&stage.pool, orders.clone());
    teller.tell(2).await;
    teller.tell(1).await;
    until("one is handled", async || stage.numbers("payments").await == [2]).await;
    let poison = loop {
        let Some(event) = watchers.next().await else { continue };
        let said: OrderPlaced = prost::Message::decode(event.data).unwrap();
        if said.number == 1 {
            break event.id;
        }
    };
    let replay = async || DeadLettersCommand::Replay { id: poison }.run(&payments, "payments").await.is_ok();
    until("it was set aside and is replayed", &replay).await;
    handler.heal();
    // It may have been set aside again before.
    until("it is handled", async || {
        replay().await;
        stage.numbers("payments").await == [1, 2]
    })
    .await;
}

#[tokio::test]
async fn there_is_room_for_streams_that_are_there_already() {
    let Some(mut stage) = stage().await else { return };
    let (orders, users) = (bus(&stage, "orders").await, bus(&stage, "users").await);
    let tells = async |bus: &Bus| {
        let event = Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
        bus.publish(vec![event]).await.pop().unwrap()
    };
    until("the streams are there", async || tells(&orders).await.is_ok()).await;
    until("another finds them", async || matches!(tells(&users).await, Err(PublishError::Refused(_)))).await;
    stage.nats.start_again().await;
    until("who has made them finds them", async || tells(&orders).await.is_ok()).await;
}

#[tokio::test]
async fn what_a_service_may_not_publish_is_refused() {
    let Some(stage) = stage().await else { return };
    let users = bus(&stage, "users").await;
    until("NATS is there", async || users.report().is_ok()).await;
    let event = Envelope::of("users", Uuid::now_v7(), &OrderPlaced { number: 1 });
    let answers = users.publish(vec![event]).await;
    assert!(matches!(&answers[..], [Err(PublishError::Refused(_))]), "{answers:?}");
}

#[tokio::test]
async fn who_has_the_wrong_password_waits_and_says_why() {
    let Some(stage) = stage().await else { return };
    let password = Some("wrong".to_owned().into());
    let config = Config { nats_user: Some("orders".to_owned()), nats_password: password, ..stage.config() };
    let orders = Bus::connect(&config, "orders").await.unwrap();
    let authorization = |report: Result<String, String>| report.is_err_and(|why| why.contains("authorization"));
    until("it is reported", async || authorization(orders.report())).await;
    let event = Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
    assert!(matches!(orders.publish(vec![event]).await[..], [Err(PublishError::Away(_))]));
}
