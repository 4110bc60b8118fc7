//! What becomes of an event in the services that want to hear of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use database::Transaction;
use events::{Bus, Envelope, Event, Handle, HandlingError, Outbox, PublishError};
use uuid::Uuid;

use crate::harness::{Said, Service, away, defect, said, until, until_open};

fn one(answers: Vec<Result<(), PublishError>>) -> Result<(), PublishError> {
    let [answer] = answers.try_into().unwrap();
    answer
}

#[tokio::test]
async fn an_event_takes_effect_once_however_often_it_comes() {
    let hearer = Service::new("hearer").await;
    let bus = Bus::in_process(&["hearer"]);
    let _running = (hearer.notes(&bus), hearer.twin().await.notes(&bus));
    until_open(&bus).await;
    let event = Envelope::of("teller", Uuid::now_v7(), &said("hear, hear"));
    // Some at once, on two instances, and one later.
    for copies in [8, 1] {
        let answers = bus.publish(vec![event.clone(); copies]).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    assert_eq!(hearer.noted().await, ["hear, hear"]);
}

#[tokio::test]
async fn a_relay_that_dies_before_it_marks_what_it_published_has_done_no_harm() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _hearing = hearer.notes(&bus);
    let relay = teller.relay(&bus);
    teller.tell(Uuid::now_v7(), "once").await;
    teller.until_published().await;
    relay.kill().await;
    teller.run("update events.outbox set published_at = null").await;
    let _relay = teller.relay(&bus);
    teller.until_published().await;
    assert_eq!(hearer.noted().await, ["once"]);
}

#[tokio::test]
async fn what_failed_has_changed_nothing_and_is_not_remembered() {
    let hearer = Service::new("hearer").await;
    let bus = Bus::in_process(&["hearer"]);
    let _hearing = hearer.does(&bus, |_| Err(defect()));
    until_open(&bus).await;
    let event = Envelope::of("teller", Uuid::now_v7(), &said("nonsense"));
    let refusal = one(bus.publish(vec![event]).await).unwrap_err();
    assert_eq!(refusal.to_string(), "the bus refuses it: the event cannot be handled: it makes no sense");
    assert!(hearer.noted().await.is_empty());
    assert_eq!(hearer.count("select count(*) from events.inbox").await, 0);
}

#[tokio::test]
async fn whoever_waits_for_something_that_is_away_is_never_counted() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let (is_back, tries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let _running = (
        teller.relay(&bus),
        hearer.does(&bus, {
            let (is_back, tries) = (is_back.clone(), tries.clone());
            move |_| {
                tries.fetch_add(1, Ordering::SeqCst);
                is_back.load(Ordering::SeqCst).then_some(()).ok_or_else(away)
            }
        }),
    );
    teller.tell(Uuid::now_v7(), "patience").await;
    until("it was tried often", async || tries.load(Ordering::SeqCst) >= 5).await;
    assert_eq!(teller.ask("select attempts::text from events.outbox").await, ["0"]);
    is_back.store(true, Ordering::SeqCst);
    teller.until_published().await;
    assert_eq!(hearer.noted().await, ["patience"]);
}

#[tokio::test]
async fn what_is_away_for_one_event_holds_up_no_other() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let is_held = |event: &Event<Said>| if event.data.text == "held" { Err(away()) } else { Ok(()) };
    teller.tell(Uuid::now_v7(), "held").await;
    let _running = (teller.relay(&bus), hearer.does(&bus, is_held));
    for count in 1..=3 {
        teller.tell(Uuid::now_v7(), count).await;
    }
    hearer.until_noted(3).await;
    until("only one waits", async || teller.waiting().await == 1).await;
}

#[tokio::test]
async fn a_panic_and_what_cannot_be_read_are_defects() {
    let hearer = Service::new("hearer").await;
    let bus = Bus::in_process(&["hearer"]);
    let _hearing = hearer.does(&bus, |event| match event.data.text.as_str() {
        "boo" => panic!("I am afraid of {}", event.data.text),
        _ => Ok(()),
    });
    until_open(&bus).await;
    let frightening = Envelope::of("teller", Uuid::now_v7(), &said("boo"));
    let illegible = Envelope { data: Bytes::from_static(b"\xff"), ..frightening.clone() };
    let refusal = one(bus.publish(vec![frightening]).await).unwrap_err().to_string();
    assert_eq!(refusal, "the bus refuses it: the event cannot be handled: panic: I am afraid of boo");
    let refusal = one(bus.publish(vec![illegible]).await).unwrap_err();
    assert!(matches!(&refusal, PublishError::Refused(reason) if reason.contains("decode")), "{refusal}");
    // It survives both.
    one(bus.publish(vec![Envelope::of("teller", Uuid::now_v7(), &said("hello"))]).await).unwrap();
    assert_eq!(hearer.noted().await, ["hello"]);
}

/// Says on what it hears, and counts what is done.
struct Echo {
    outbox: Outbox,
    done: Arc<AtomicUsize>,
}

impl Handle<Said> for Echo {
    async fn handle(&self, transaction: &mut Transaction, event: &Event<Said>) -> Result<(), HandlingError> {
        let louder = crate::harness::Shouted { text: event.data.text.to_uppercase() };
        self.outbox.put(transaction, event.subject, &louder).await?;
        Ok(())
    }

    fn handled(&self, _: &Event<Said>) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_handler_tells_in_the_transaction_of_its_effect() {
    let (teller, echo) = (Service::new("teller").await, Service::new("echo").await);
    let bus = Bus::in_process(&["echo"]);
    let done = Arc::new(AtomicUsize::new(0));
    let handler = Echo { outbox: echo.outbox.clone(), done: done.clone() };
    let mut heard = bus.listen("noises.v1");
    let _running = (teller.relay(&bus), echo.relay(&bus), echo.runs(echo.consumers(&bus).with(handler)));
    let subject = Uuid::now_v7();
    teller.tell(subject, "ho").await;
    let shout = heard.next().await.unwrap();
    assert_eq!((shout.kind.as_str(), shout.source.as_str(), shout.subject), ("noises.v1.Shouted", "/echo", subject));
    until("it is done", async || done.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn the_instances_of_a_group_take_turns() {
    let hearer = Service::new("hearer").await;
    let bus = Bus::in_process(&["hearer"]);
    let (one, two) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counting = |count: &Arc<AtomicUsize>| {
        let count = count.clone();
        move |_: &Event<Said>| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let (first, _second) = (hearer.does(&bus, counting(&one)), hearer.twin().await.does(&bus, counting(&two)));
    until("both run", async || {
        let event = Envelope::of("teller", Uuid::now_v7(), &said("to either"));
        bus.publish(vec![event]).await;
        one.load(Ordering::SeqCst) > 0 && two.load(Ordering::SeqCst) > 0
    })
    .await;
    first.stop().await;
    let before = two.load(Ordering::SeqCst);
    let events = (0..4).map(|number| Envelope::of("teller", Uuid::now_v7(), &said(number))).collect();
    assert!(bus.publish(events).await.iter().all(Result::is_ok));
    assert_eq!(two.load(Ordering::SeqCst), before + 4);
}
