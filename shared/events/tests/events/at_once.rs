//! How many events are handled at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use database::Transaction;
use events::{Bus, Envelope, Event, Handle, HandlingError, Message, PublishError};
use tokio::{sync::Semaphore, task::JoinHandle};
use uuid::Uuid;

use crate::harness::{Said, Service, Shouted, said, until, until_open};

/// Waits for a permit, and knows how many others do. Copies share it.
#[derive(Clone)]
struct Slow {
    begun: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self { begun: Arc::default(), permits: Arc::new(Semaphore::new(0)) }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

impl<M: Message> Handle<M> for Slow {
    async fn handle(&self, transaction: &mut Transaction, event: &Event<M>) -> Result<(), HandlingError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        let note = sqlx::query("insert into notes (subject, text) values ($1, $2)").bind(event.subject).bind(M::NAME);
        note.execute(&mut **transaction).await?;
        Ok(())
    }
}

fn publish(bus: &Bus, events: Vec<Envelope>) -> JoinHandle<Vec<Result<(), PublishError>>> {
    let bus = bus.clone();
    tokio::spawn(async move { bus.publish(events).await })
}

fn tale(number: usize) -> Envelope {
    Envelope::of("teller", Uuid::now_v7(), &said(number))
}

fn noise(number: usize) -> Envelope {
    Envelope::of("teller", Uuid::now_v7(), &Shouted { text: number.to_string() })
}

#[tokio::test]
async fn four_are_handled_at_a_time_and_finished_before_the_end() {
    let (hearer, slow) = (Service::new("hearer").await, Slow::new());
    let bus = Bus::in_process(&["hearer"]);
    let hearing = hearer.runs(hearer.consumers(&bus).with::<Said>(slow.clone()));
    until_open(&bus).await;
    let publishing = publish(&bus, (0..12).map(tale).collect());
    until("some are handled", async || slow.begun() == 4).await;
    let stopping = tokio::spawn(hearing.stop());
    until("nobody is there any more", async || bus.report().is_err()).await;
    assert!(!stopping.is_finished(), "four are under way");
    slow.permits.add_permits(12);
    stopping.await.unwrap();
    let answers = publishing.await.unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert_eq!((hearer.noted().await.len(), slow.begun()), (4, 4), "the others have not begun");
}

#[tokio::test]
async fn all_kinds_together_leave_half_of_the_connections_to_requests() {
    let slow = Slow::new();
    let hearer = Service::with_connections("hearer", 10).await;
    let bus = Bus::in_process(&["hearer"]);
    let consumers = hearer.consumers(&bus).with::<Said>(slow.clone()).with::<Shouted>(slow.clone());
    let _hearing = hearer.runs(consumers);
    until_open(&bus).await;
    let publishing = publish(&bus, (0..6).flat_map(|number| [tale(number), noise(number)]).collect());
    until("half of the pool is taken", async || slow.begun() == 5).await;
    // Whoever comes now takes the other half.
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(hearer.pool.acquire().await.unwrap());
    }
    assert_eq!(slow.begun(), 5);
    drop(others);
    slow.permits.add_permits(12);
    assert!(publishing.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(hearer.noted().await.len(), 12);
}

#[tokio::test]
async fn of_one_connection_everybody_has_a_turn() {
    let slow = Slow::new();
    slow.permits.add_permits(12);
    let hearer = Service::with_connections("hearer", 1).await;
    let bus = Bus::in_process(&["hearer"]);
    let consumers = hearer.consumers(&bus).with::<Said>(slow.clone()).with::<Shouted>(slow);
    let _hearing = hearer.runs(consumers);
    until_open(&bus).await;
    let answers = bus.publish((0..6).flat_map(|number| [tale(number), noise(number)]).collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}
