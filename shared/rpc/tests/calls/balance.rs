//! How calls are spread over instances that are well, and those that are not there.

use std::{sync::Arc, time::Duration};

use rpc::Policy;
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tonic::Response;

use super::{
    echo::Echo,
    fleet::{Fleet, by, dead_address, until},
};

/// Answers "wait" when the gate has a permit, and everything else at once.
fn gated(gate: &Arc<Semaphore>) -> Echo {
    let gate = gate.clone();
    Echo::new(move |_, request| {
        let gate = gate.clone();
        async move {
            let text = request.into_inner();
            if text == "wait" {
                gate.acquire().await.unwrap().forget();
            }
            Ok(Response::new(text))
        }
    })
}

#[tokio::test]
async fn one_after_the_other_is_even() {
    let (fleet, echoes) = (Fleet::new(), [(); 4].map(|()| Echo::plain()));
    for echo in &echoes {
        fleet.start(echo).await;
    }
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("4 up").await;
    for _ in 0..102 {
        caller.write("").await.unwrap();
    }
    assert!(echoes.iter().all(|echo| (25..=26).contains(&echo.calls())), "{:?}", echoes.map(|echo| echo.calls()));
}

#[tokio::test]
async fn a_slow_instance_gets_few_calls() {
    let (fleet, quick) = (Fleet::new(), Echo::plain());
    let slow = Echo::new(|_, request| async {
        sleep(Duration::from_millis(200)).await;
        Ok(Response::new(request.into_inner()))
    });
    fleet.start(&quick).await;
    fleet.start(&slow).await;
    let caller = fleet.caller(&by(Policy::PeakEwma));
    caller.sees("2 up").await;
    assert!(caller.read_often(1_000).await.iter().all(Result::is_ok));
    assert!(slow.calls() < 100, "{} of 1,000 calls", slow.calls());
}

#[tokio::test]
async fn an_instance_that_has_nothing_to_do_is_preferred() {
    let (fleet, gate) = (Fleet::new(), Arc::new(Semaphore::new(0)));
    let echoes = [gated(&gate), gated(&gate)];
    for echo in &echoes {
        fleet.start(echo).await;
    }
    let caller = fleet.caller(&by(Policy::Pending));
    caller.sees("2 up").await;
    let waiting = tokio::spawn({
        let caller = caller.clone();
        async move { caller.read("wait").await }
    });
    until("the call arrives", || echoes[0].calls() + echoes[1].calls() == 1).await;
    for _ in 0..20 {
        caller.read("go").await.unwrap();
    }
    let mut calls = echoes.map(|echo| echo.calls());
    calls.sort_unstable();
    assert_eq!(calls, [1, 20]);
    gate.add_permits(1);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_instance_that_leaves_gets_no_new_calls_and_finishes_the_old() {
    let (fleet, gate) = (Fleet::new(), Arc::new(Semaphore::new(0)));
    let (leaver, stayer) = (gated(&gate), Echo::plain());
    let leaving = fleet.join(super::fleet::Instance::start(&leaver).await.address);
    let caller = fleet.caller(&by(Policy::RoundRobin));
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.write("wait").await }
    });
    let mut stream = caller.watch("first").await.unwrap();
    until("the calls arrive", || leaver.calls() == 2).await;

    fleet.start(&stayer).await;
    caller.sees("2 up").await;
    leaving.cancel();
    caller.sees("1 instances, 1 up").await;
    for _ in 0..20 {
        caller.write("").await.unwrap();
    }
    assert_eq!((leaver.calls(), stayer.calls()), (2, 20));
    gate.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "wait");
    assert_eq!(stream.message().await.unwrap().unwrap(), "first");
    leaver.say("second");
    assert_eq!(stream.message().await.unwrap().unwrap(), "second");
}

#[tokio::test]
async fn addresses_at_which_nobody_answers_cost_nothing() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    let never_accepts = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fleet.join(never_accepts.local_addr().unwrap());
    fleet.join(dead_address().await);
    fleet.start(&echo).await;
    let caller = fleet.caller(&by(Policy::RoundRobin));
    let began = Instant::now();
    for _ in 0..200 {
        caller.write("").await.unwrap();
    }
    // Who waits for a connection to be made waits for 2 s.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(echo.calls(), 200);
}

#[tokio::test]
async fn a_report_tells_who_does_what() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    let caller = fleet.caller(&by(Policy::RoundRobin));
    assert_eq!(caller.0.report(), "no instance is known yet");
    let (instance, dead) = (fleet.start(&echo).await, dead_address().await);
    fleet.join(dead);
    caller.sees(&format!("{dead} down, 0 calls, 0 waiting")).await;
    for _ in 0..3 {
        caller.read("").await.unwrap();
    }
    let report = caller.0.report();
    assert!(report.starts_with("2 instances, 1 up, 0 ejected\n"), "{report}");
    assert!(report.contains(&format!("{} up, 3 calls, 0 waiting, ", instance.address)), "{report}");
}
