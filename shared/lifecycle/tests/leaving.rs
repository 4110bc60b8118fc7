//! How a process leaves: what it does in which order, and what does not hold it up.
//!
//! The signals go to this very process, so that its tests take turns.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    future::pending,
    sync::{Arc, Mutex as StdMutex},
    time::Duration,
};

use anyhow::bail;
use lifecycle::{Drain, Health, Process, State};
use testkit::Logs;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::Level;

/// Whoever has it may send signals.
static TURN: Mutex<()> = Mutex::const_new(());

async fn process(drain_delay_s: u64) -> Process {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Process::start(listener, Drain { drain_delay_s, drain_timeout_s: 25 }).unwrap()
}

/// Returns when the signal has been sent. Only for a process that has been started, which catches it.
fn signal(name: &str) {
    let (name, pid) = (format!("-{name}"), std::process::id().to_string());
    assert!(std::process::Command::new("kill").args([name, pid]).status().unwrap().success());
}

/// What happened, and when.
#[derive(Clone)]
struct Story {
    start: Instant,
    events: Arc<StdMutex<Vec<(&'static str, u64)>>>,
}

impl Story {
    fn new() -> Self {
        Self { start: Instant::now(), events: Arc::default() }
    }

    fn tell(&self, event: &'static str) {
        self.events.lock().unwrap().push((event, self.start.elapsed().as_secs()));
    }

    fn told(&self) -> Vec<(&'static str, u64)> {
        self.events.lock().unwrap().clone()
    }
}

/// Answers whoever asks until `shutdown`, then finishes what is in flight.
async fn serve(
    mut requests: mpsc::Receiver<oneshot::Sender<()>>,
    story: Story,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    while let Some(Some(request)) = shutdown.run_until_cancelled(requests.recv()).await {
        request.send(()).unwrap();
    }
    story.tell("told to stop serving");
    sleep(Duration::from_secs(4)).await;
    story.tell("finished what was in flight");
    Ok(())
}

/// Registered, so to speak: it takes a second to take that back.
async fn while_ready(health: Health, ask: mpsc::Sender<oneshot::Sender<()>>, story: Story, leaving: CancellationToken) {
    assert_eq!(health.state(), State::Ready);
    story.tell("ready");
    signal("TERM");
    leaving.cancelled().await;
    assert_eq!(health.state(), State::Draining);
    story.tell("told to leave");
    sleep(Duration::from_secs(1)).await;
    story.tell("left");
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        let (answer, answered) = oneshot::channel();
        ask.send(answer).await.unwrap();
        answered.await.unwrap();
        story.tell("served during the delay");
    });
}

#[tokio::test(start_paused = true)]
async fn it_leaves_in_an_order_that_costs_nobody_a_request() {
    let _turn = TURN.lock().await;
    let mut process = process(2).await;
    let (story, health) = (Story::new(), process.health.clone());
    let (ask, requests) = mpsc::channel(1);
    // One stays here, so that there is somebody who might ask for as long as it serves.
    let (asker, told) = (ask.clone(), story.clone());
    process.while_ready(move |leaving| while_ready(health, asker, told, leaving));
    let told = story.clone();
    process.run(async { Ok(requests) }, |requests, shutdown| serve(requests, told, shutdown)).await.unwrap();
    let expected = [
        ("ready", 0),
        ("told to leave", 0),
        ("left", 1),
        ("served during the delay", 2),
        ("told to stop serving", 3),
        ("finished what was in flight", 7),
    ];
    assert_eq!(story.told(), expected);
    drop(ask);
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_holds_nobody_up_for_long() {
    let _turn = TURN.lock().await;
    let logs = Logs::capture_from(Level::INFO);
    let mut process = process(2).await;
    let story = Story::new();
    process.while_ready(async |_| {
        signal("INT");
        pending().await
    });
    let told = story.clone();
    let serve = async move |(), shutdown: CancellationToken| {
        shutdown.cancelled().await;
        told.tell("told to stop serving");
        Ok(())
    };
    process.run(async { Ok(()) }, serve).await.unwrap();
    assert_eq!(story.told(), [("told to stop serving", 3 + 2)]);
    let log = logs.text();
    assert_eq!(log.matches(" WARN ").count(), 1, "{log}");
    assert!(log.contains("something that is done while ready did not end"), "{log}");
}

#[tokio::test]
async fn a_second_signal_waits_for_nobody() {
    let _turn = TURN.lock().await;
    let mut process = process(60).await;
    process.while_ready(async |leaving: CancellationToken| {
        signal("TERM");
        leaving.cancelled().await;
        signal("INT");
        pending().await
    });
    let start = Instant::now();
    let outcome = process.run(async { Ok(()) }, async |(), _| pending().await).await;
    assert_eq!(outcome.unwrap_err().to_string(), "stopped by a second signal");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn requests_that_do_not_end_are_given_up() {
    let _turn = TURN.lock().await;
    let mut process = process(2).await;
    process.while_ready(async |_| signal("TERM"));
    let start = Instant::now();
    let outcome = process.run(async { Ok(()) }, async |(), _| pending().await).await;
    assert_eq!(outcome.unwrap_err().to_string(), "some requests did not end within 25 s");
    assert_eq!(start.elapsed().as_secs(), 2 + 25);
}

/// A process with work that must not begin.
async fn never_ready() -> Process {
    let mut process = process(60).await;
    process.while_ready(async |_| panic!("it is not ready"));
    process
}

#[tokio::test]
async fn nothing_is_done_by_a_process_that_cannot_be_prepared() {
    let _turn = TURN.lock().await;
    let process = never_ready().await;
    let health = process.health.clone();
    let outcome = process.run(async { bail!("no database") }, async |(), _| Ok(())).await;
    assert_eq!(outcome.unwrap_err().to_string(), "no database");
    assert_eq!(health.state(), State::Starting);
}

#[tokio::test]
async fn a_signal_ends_a_process_that_is_not_ready_yet_at_once() {
    let _turn = TURN.lock().await;
    let process = never_ready().await;
    let prepare = async {
        signal("TERM");
        pending().await
    };
    process.run(prepare, async |(), _| Ok(())).await.unwrap();
}

#[tokio::test]
async fn a_service_that_ends_by_itself_is_a_failure() {
    let _turn = TURN.lock().await;
    for (end, told) in [(None, "serving ended by itself"), (Some("the port is gone"), "the port is gone")] {
        let process = process(60).await;
        let serve = async move |(), _| end.map_or(Ok(()), |end| bail!(end));
        let outcome = process.run(async { Ok(()) }, serve).await;
        assert_eq!(outcome.unwrap_err().to_string(), told);
    }
}
