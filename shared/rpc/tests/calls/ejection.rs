//! Instances that fail are left alone for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use rpc::{ClientConfig, Policy};
use tokio::time::{Instant, timeout};
use tonic::{Response, Status};

use super::{
    by_hand::{ByHand, Then},
    echo::Echo,
    fleet::{Caller, Fleet, Instance, by, dead_address, generous, until},
};

/// Answers UNAVAILABLE as long as it is told to.
fn fragile(broken: &Arc<AtomicBool>) -> Echo {
    let broken = broken.clone();
    Echo::new(move |_, request| {
        let broken = broken.load(SeqCst);
        async move {
            if broken { Err(Status::unavailable("out of order")) } else { Ok(Response::new(request.into_inner())) }
        }
    })
}

/// Two instances that are well and one that can be broken.
async fn three(config: &ClientConfig) -> (Fleet, Caller, Instance, Arc<AtomicBool>) {
    let (fleet, broken) = (Fleet::new(), Arc::new(AtomicBool::new(false)));
    let instance = fleet.start(&fragile(&broken)).await;
    fleet.start(&Echo::plain()).await;
    fleet.start(&Echo::plain()).await;
    let caller = fleet.caller(config);
    caller.sees("3 up").await;
    (fleet, caller, instance, broken)
}

#[tokio::test]
async fn an_instance_that_fails_is_ejected_and_comes_back_when_it_is_well() {
    for policy in [Policy::RoundRobin, Policy::PeakEwma, Policy::Pending] {
        // With the usual budget: nobody may notice.
        let config = ClientConfig { balance_policy: policy, ..ClientConfig::default() };
        let (_fleet, caller, instance, broken) = three(&config).await;
        assert!(caller.read_often(500).await.iter().all(Result::is_ok));
        broken.store(true, SeqCst);
        let before = instance.echo.calls();
        assert!(caller.read_often(1_000).await.iter().all(Result::is_ok), "{policy:?}");
        // Five, those on their way at that time, and a few to see whether it is better.
        let failed = instance.echo.calls() - before;
        assert!((1..=20).contains(&failed), "{policy:?}: {failed}");
        broken.store(false, SeqCst);
        caller.sees("0 ejected").await;
        let before = instance.echo.calls();
        caller.read_often(500).await;
        assert!(instance.echo.calls() > before + 20, "{policy:?}: {}", instance.echo.calls() - before);
    }
}

#[tokio::test]
async fn each_time_it_is_left_alone_for_longer() {
    let (_fleet, caller, instance, broken) = three(&by(Policy::RoundRobin)).await;
    broken.store(true, SeqCst);
    let mut ejections = Vec::new();
    for _ in 0..2 {
        let mut since = Instant::now();
        while !caller.0.report().contains("1 ejected") {
            since = Instant::now();
            caller.read("").await.unwrap();
        }
        caller.sees("0 ejected").await;
        ejections.push(since.elapsed());
    }
    // Up to a half less than 1 s and 2 s.
    assert!((500..2_000).contains(&ejections[0].as_millis()), "{ejections:?}");
    assert!((1_000..4_000).contains(&ejections[1].as_millis()), "{ejections:?}");
    // The second time, one failure was enough.
    assert_eq!(instance.echo.calls(), 6);
}

#[tokio::test]
async fn never_more_than_half_are_ejected() {
    let (fleet, echoes) = (Fleet::new(), [(); 2].map(|()| Echo::failing(|| Status::unavailable("out of order"))));
    for echo in &echoes {
        fleet.start(echo).await;
    }
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("2 up").await;
    let both_are_called = async {
        while echoes.iter().any(|echo| echo.calls() < 7) {
            assert_eq!(caller.write("").await.unwrap_err().message(), "out of order");
            assert!(!caller.0.report().contains("2 ejected"));
        }
    };
    timeout(Duration::from_secs(10), both_are_called).await.unwrap();
}

#[tokio::test]
async fn those_that_are_away_do_not_count_as_ejected() {
    let (fleet, failing) = (Fleet::new(), Echo::failing(|| Status::unavailable("out of order")));
    fleet.join(dead_address().await);
    fleet.start(&failing).await;
    fleet.start(&Echo::plain()).await;
    let caller = fleet.caller(&generous());
    caller.sees("2 up").await;
    let began = Instant::now();
    assert!(caller.read_often(500).await.iter().all(Result::is_ok));
    let probes = usize::try_from(began.elapsed().as_secs()).unwrap() * 12;
    assert!(failing.calls() <= 16 + probes, "{} of 500 calls", failing.calls());
}

#[tokio::test]
async fn a_new_life_begins_with_a_clean_record() {
    let (fleet, broken) = (Fleet::new(), Arc::new(AtomicBool::new(true)));
    let instance = Instance::start(&fragile(&broken)).await;
    let leaving = fleet.join(instance.address);
    fleet.start(&Echo::plain()).await;
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("2 up").await;
    caller.read_often(50).await;
    caller.sees("1 ejected").await;

    broken.store(false, SeqCst);
    leaving.cancel();
    caller.sees("1 instances, 1 up").await;
    let (began, before) = (Instant::now(), instance.echo.calls());
    fleet.join(instance.address);
    caller.sees("2 instances, 2 up").await;
    caller.read_often(50).await;
    assert!(instance.echo.calls() >= before + 25, "{} calls", instance.echo.calls() - before);
    assert!(began.elapsed() < Duration::from_millis(500), "longer than it takes to be forgiven");
}

#[tokio::test]
async fn an_instance_that_hangs_is_noticed_and_its_calls_are_made_elsewhere() {
    let (fleet, hanging) = (Fleet::new(), ByHand::start(|_, _| Then::Hang).await);
    fleet.join(hanging.address);
    let caller = fleet.caller(&ClientConfig::default());
    caller.sees("1 up").await;
    let began = Instant::now();
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.read("hello").await }
    });
    until("the call arrives", || hanging.calls() == 1).await;
    fleet.start(&Echo::plain()).await;
    caller.sees("2 up").await;
    assert_eq!(call.await.unwrap().unwrap(), "hello");
    assert!((1..4).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    caller.sees("1 up").await;
}
