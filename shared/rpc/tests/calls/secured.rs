//! Calls between services that prove who they are, while what they prove it with is replaced.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use futures::future::join_all;
use identity::{
    Mesh,
    mesh::{Protocol, SpiffeId},
};
use testkit::{
    Authority,
    authority::{PeerFiles, services},
};
use tonic::{Code, Response};

use super::{
    echo::Echo,
    fleet::{Caller, Fleet, Instance, generous, until},
};

/// An instance of echo, which the gateway may call.
async fn start(mesh: &Mesh, echo: &Echo) -> Instance {
    let acceptor = mesh.acceptor(&services(&["gateway"]), Protocol::Http2);
    Instance::start_behind("127.0.0.1:0".parse().unwrap(), echo, acceptor).await
}

/// `mesh` calls whatever is there.
fn caller(mesh: Mesh, instances: &[&Instance]) -> Caller {
    let fleet = Fleet::called_by(mesh);
    for instance in instances {
        fleet.join(instance.address);
    }
    fleet.caller(&generous())
}

#[tokio::test]
async fn a_handler_knows_which_service_calls() {
    let authority = Authority::new();
    let echo = Echo::new(|_, request| {
        let peer = request.extensions().get::<SpiffeId>().map(|peer| peer.service().to_string());
        std::future::ready(Ok(Response::new(peer.unwrap_or_default())))
    });
    let instance = start(&authority.mesh("echo"), &echo).await;
    assert_eq!(caller(authority.mesh("gateway"), &[&instance]).read("").await.unwrap(), "gateway");
}

#[tokio::test]
async fn a_caller_that_is_not_allowed_reaches_nobody_and_learns_nothing() {
    let (authority, echo) = (Authority::new(), Echo::plain());
    let instance = start(&authority.mesh("echo"), &echo).await;
    let status = caller(authority.mesh("payments"), &[&instance]).read("").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the service cannot be reached"));
    assert_eq!(echo.calls(), 0);
}

#[tokio::test]
async fn an_instance_of_another_service_is_not_called() {
    let (authority, echo) = (Authority::new(), Echo::plain());
    let (impostor, instance) =
        (start(&authority.mesh("users"), &echo).await, start(&authority.mesh("echo"), &Echo::plain()).await);
    let caller = caller(authority.mesh("gateway"), &[&impostor, &instance]);
    caller.sees("1 up").await;
    for answer in caller.read_often(100).await {
        answer.unwrap();
    }
    assert_eq!(echo.calls(), 0);
}

#[tokio::test]
async fn plain_and_secured_do_not_meet() {
    let (authority, echo) = (Authority::new(), Echo::plain());
    let (secured, plain) = (start(&authority.mesh("echo"), &echo).await, Instance::start(&echo).await);
    for (mesh, instance) in [(Mesh::plain(), &secured), (authority.mesh("gateway"), &plain)] {
        assert_eq!(caller(mesh, &[instance]).read("").await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!(echo.calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_and_go_at_once_hold_nobody_up() {
    let (authority, echo) = (Authority::new(), Echo::plain());
    for (called, calling) in [(Mesh::plain(), Mesh::plain()), (authority.mesh("echo"), authority.mesh("gateway"))] {
        let instance = start(&called, &echo).await;
        let connector = calling.connector("echo", Protocol::Http2);
        for _ in 0..20 {
            for _ in 0..100 {
                connector.connect(&instance.address.to_string().parse().unwrap()).await.unwrap();
            }
            // Its connection is accepted after those before it, which do not wait until there is no room for more.
            caller(calling.clone(), &[&instance]).read("").await.unwrap();
        }
    }
}

/// New connections all the time: an instance is restarted again and again, while certificates and authorities change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_certificates_are_replaced() {
    let (old, new, echo) = (Authority::new(), Authority::new(), Echo::plain());
    let both = format!("{}\n{}", old.pem(), new.pem());
    let files = ["echo", "gateway"].map(|service| (service, PeerFiles::of(&old.papers_until(service, 2070), &both)));
    let [server, client] = files.each_ref().map(|(service, files)| files.mesh(service).unwrap());
    let mut instances = vec![start(&server, &echo).await, start(&server, &echo).await];
    let caller = caller(client.clone(), &[&instances[0], &instances[1]]);
    caller.sees("2 up").await;

    let (done, enough) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let writers = (0..8).map(|_| tokio::spawn(write_on(caller.clone(), done.clone(), enough.clone())));
    let writers: Vec<_> = writers.collect();
    for (year, authority) in [(2071, &old), (2072, &new), (2073, &new)] {
        for (service, files) in &files {
            files.write(&authority.papers_until(service, year), &both);
        }
        let is_new = |mesh: &Mesh| mesh.report().is_ok_and(|report| report.contains(&year.to_string()));
        until("the new ones are used", || is_new(&server) && is_new(&client)).await;
        let before = done.load(SeqCst);
        until("calls are made", || done.load(SeqCst) > before + 100).await;
        let first = instances.remove(0);
        let address = first.address;
        first.stop().await;
        caller.sees("1 up").await;
        let acceptor = server.acceptor(&services(&["gateway"]), Protocol::Http2);
        instances.push(Instance::start_behind(address, &echo, acceptor).await);
        caller.sees("2 up").await;
    }
    enough.store(true, SeqCst);
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    assert_eq!(echo.calls(), done.load(SeqCst), "calls that were made twice");
}

async fn write_on(caller: Caller, done: Arc<AtomicUsize>, enough: Arc<AtomicBool>) {
    while !enough.load(SeqCst) {
        caller.write("hello").await.unwrap();
        done.fetch_add(1, SeqCst);
    }
}
