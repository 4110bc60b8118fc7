//! What no instance has acted on goes to another, whatever it is; what one may have acted on does not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use futures::future::join_all;
use h2::Reason;
use rpc::Policy;
use tokio::sync::Notify;
use tonic::{Code, Response};

use super::{
    by_hand::{self, ByHand, Then},
    echo::Echo,
    fleet::{Caller, Fleet, Instance, by, until},
};

/// Writes without a pause until it is told to stop; counts them.
async fn write_on(caller: Caller, done: Arc<AtomicUsize>, enough: Arc<AtomicBool>) {
    while !enough.load(SeqCst) {
        caller.write("hello").await.unwrap();
        done.fetch_add(1, SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_every_instance_is_restarted() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    let mut instances = vec![fleet.start(&echo).await, fleet.start(&echo).await];
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("2 up").await;

    let (done, enough) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let writers = (0..8).map(|_| tokio::spawn(write_on(caller.clone(), done.clone(), enough.clone())));
    let writers: Vec<_> = writers.collect();
    for _ in 0..6 {
        let before = done.load(SeqCst);
        until("calls are made", || done.load(SeqCst) > before + 100).await;
        let old = instances.remove(0);
        let address = old.address;
        old.stop().await;
        caller.sees("1 up").await;
        instances.push(Instance::start_at(address, &echo).await);
        caller.sees("2 up").await;
    }
    enough.store(true, SeqCst);
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    assert_eq!(echo.calls(), done.load(SeqCst), "calls that were made twice");
}

#[tokio::test]
async fn no_call_fails_while_the_only_instance_is_restarted() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    let first = fleet.start(&echo).await;
    let caller = fleet.caller(&by(Policy::PeakEwma));
    caller.write("hello").await.unwrap();
    let address = first.address;
    first.stop().await;
    let _second = Instance::start_at(address, &echo).await;
    // The channel may not have noticed yet that the connection is closed.
    let (write, stream) = tokio::join!(caller.write("hello"), caller.watch("first"));
    assert_eq!(write.unwrap(), "hello");
    stream.unwrap().message().await.unwrap().unwrap();
}

#[tokio::test]
async fn new_calls_do_not_wait_for_those_that_an_old_instance_finishes() {
    let (fleet, gate) = (Fleet::new(), Arc::new(Notify::new()));
    let opened = gate.clone();
    let old = fleet
        .start(&Echo::new(move |_, _| {
            let gate = gate.clone();
            async move {
                gate.notified().await;
                Ok(Response::new("old".to_owned()))
            }
        }))
        .await;
    let caller = fleet.caller(&by(Policy::PeakEwma));
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.write("").await }
    });
    until("the call arrives", || old.echo.calls() == 1).await;
    old.begin_to_stop();
    until("the listener is closed", || std::net::TcpListener::bind(old.address).is_ok()).await;
    let _new = Instance::start_at(old.address, &Echo::plain()).await;
    assert_eq!(caller.watch("new").await.unwrap().message().await.unwrap().unwrap(), "new");
    assert_eq!(caller.write("new").await.unwrap(), "new");
    opened.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), "old");
}

#[tokio::test]
async fn a_call_that_was_refused_is_made_again_once() {
    let server = ByHand::start(|call, respond| {
        match call {
            1 => respond.send_reset(Reason::REFUSED_STREAM),
            _ => by_hand::answer(respond, "hello"),
        }
        Then::GoOn
    });
    let server = server.await;
    assert_eq!(Caller::at(server.address).write("").await.unwrap(), "hello");
    assert_eq!(server.calls(), 2);

    let server = ByHand::start(|_, respond| {
        respond.send_reset(Reason::REFUSED_STREAM);
        Then::GoOn
    });
    let server = server.await;
    assert_eq!(Caller::at(server.address).write("").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.calls(), 2);
}

/// Cuts the connection in the middle of the first call.
async fn cutting() -> ByHand {
    let cut = |call, respond: &mut _| {
        if call == 1 {
            return Then::Cut;
        }
        by_hand::answer(respond, "hello");
        Then::GoOn
    };
    ByHand::start(cut).await
}

#[tokio::test]
async fn nobody_knows_what_became_of_a_call_whose_connection_was_cut() {
    let server = cutting().await;
    let status = Caller::at(server.address).write("").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the service cannot be reached"));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn if_it_may_be_repeated_it_is() {
    let server = cutting().await;
    assert_eq!(Caller::at(server.address).read("").await.unwrap(), "hello");
    assert_eq!(server.calls(), 2);
}
