//! Watching an order: every state of it, in order, once, whichever replica tells.

use std::time::Duration;

use futures::future::{join, join_all};
use proto::orders::v1::{self as pb, OrderStatus};
use tokio::{task::yield_now, time::timeout};
use tonic::{Code, Streaming};
use uuid::Uuid;

use crate::harness::{Service, refusal};

const PENDING: OrderStatus = OrderStatus::Pending;
const CONFIRMED: OrderStatus = OrderStatus::Confirmed;
const CANCELLED: OrderStatus = OrderStatus::Cancelled;

async fn next(versions: &mut Streaming<pb::WatchOrderResponse>) -> Option<(i64, OrderStatus)> {
    let version = timeout(Duration::from_secs(10), versions.message()).await.expect("nothing came").unwrap()?;
    Some((version.version, version.order.unwrap().status()))
}

/// All that come until it ends by itself.
async fn rest(mut versions: Streaming<pb::WatchOrderResponse>) -> Vec<(i64, OrderStatus)> {
    let mut all = Vec::new();
    while let Some(version) = next(&mut versions).await {
        all.push(version);
    }
    all
}

#[tokio::test]
async fn watchers_at_two_replicas_see_every_state_in_order() {
    let first = Service::start().await;
    let second = first.replica(|_| {}).await;
    let ada = first.person();
    let at_second = second.known(&ada);
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let mut watchers = [ada.watch(&order.id, 0).await.unwrap(), at_second.watch(&order.id, 0).await.unwrap()];
    for versions in &mut watchers {
        assert_eq!(next(versions).await, Some((1, PENDING)));
    }
    first.paid(&order).await;
    for versions in watchers {
        assert_eq!(rest(versions).await, [(2, CONFIRMED)]);
    }

    // It was settled, and went on nevertheless: whoever asks again is told.
    let (here, there) = join(ada.watch(&order.id, 2), at_second.watch(&order.id, 1)).await;
    assert_eq!(rest(here.unwrap()).await, []);
    assert_eq!(rest(there.unwrap()).await, [(2, CONFIRMED)]);
    at_second.cancel(&order.id).await.unwrap();
    assert_eq!(rest(ada.watch(&order.id, 2).await.unwrap()).await, [(3, CANCELLED)]);
}

#[tokio::test]
async fn who_comes_late_sees_what_was_before() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1), ("BOX-OAK", 2)]).await.unwrap();
    service.paid(&order).await;
    let confirmed = ada.get(&order.id).await.unwrap();
    let cancelled = ada.cancel(&order.id).await.unwrap();
    let mut versions = ada.watch(&order.id, 0).await.unwrap();
    // Each with all of the order, as it was then.
    for (version, then) in [(1, &order), (2, &confirmed), (3, &cancelled)] {
        let told = versions.message().await.unwrap().unwrap();
        assert_eq!((told.version, told.order.as_ref()), (version, Some(then)));
    }
    assert!(versions.message().await.unwrap().is_none());
    assert_eq!(rest(ada.watch(&order.id, 3).await.unwrap()).await, []);
}

#[tokio::test]
async fn a_watcher_who_comes_back_after_each_state_misses_none() {
    let first = Service::start().await;
    let second = first.replica(|_| {}).await;
    let (ada, replicas) = (first.person(), [&first, &second]);
    let stories = (0..5).map(|_| async {
        let order = ada.place(&[("HOOK-OAK", 1)]).await.unwrap();
        let change = async {
            first.paid(&order).await;
            ada.cancel(&order.id).await.unwrap();
        };
        let watch = async {
            let mut seen = Vec::new();
            // Before the order is called off it is settled, too: then there is nothing yet, and nothing to wait for.
            while seen.len() < 3 {
                let replica = replicas[seen.len() % 2];
                let mut versions = replica.known(&ada).watch(&order.id, seen.len() as i64).await.unwrap();
                seen.extend(next(&mut versions).await);
            }
            seen
        };
        let (seen, ()) = join(watch, change).await;
        assert_eq!(seen, [(1, PENDING), (2, CONFIRMED), (3, CANCELLED)]);
    });
    join_all(stories).await;
}

#[tokio::test]
async fn what_the_bus_does_not_tell_is_found_by_looking() {
    let service = Service::start().await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let mut watchers = [ada.watch(&order.id, 0).await.unwrap(), ada.watch(&order.id, 1).await.unwrap()];
    assert_eq!(next(&mut watchers[0]).await, Some((1, PENDING)));
    // As the program of the version before does it, which tells nobody.
    service.sql("update orders set status = 'confirmed', version = 2, updated_at = now()").await;
    for versions in watchers {
        assert_eq!(rest(versions).await, [(2, CONFIRMED)]);
    }
}

#[tokio::test]
async fn an_order_is_watched_by_whose_it_is() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    assert_eq!(refusal(eve.watch(&order.id, 0).await).0, Code::NotFound);
    assert_eq!(refusal(ada.watch(&Uuid::now_v7().to_string(), 0).await).0, Code::NotFound);
    assert_eq!(refusal(ada.watch("7", 0).await).0, Code::InvalidArgument);
}

#[tokio::test]
async fn there_is_room_for_so_many_watchers_and_no_more() {
    let service = Service::start_changed(|config| config.max_streams = 2).await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let (first, mut second) = (ada.watch(&order.id, 0).await.unwrap(), ada.watch(&order.id, 0).await.unwrap());
    let refused = ada.watch(&order.id, 0).await.unwrap_err();
    assert_eq!((refused.code(), rpc::status::retry_after(&refused)), (Code::Unavailable, Some(Duration::from_secs(1))));
    // Other calls are answered all the same.
    ada.get(&order.id).await.unwrap();
    drop(first);
    while let Err(refused) = ada.watch(&order.id, 0).await {
        assert_eq!(refused.code(), Code::Unavailable);
        yield_now().await;
    }
    // Who was there before still sits.
    service.paid(&order).await;
    assert_eq!(next(&mut second).await, Some((1, PENDING)));
    assert_eq!(rest(second).await, [(2, CONFIRMED)]);
}

#[tokio::test]
async fn who_asks_for_nothing_that_is_there_takes_no_seat() {
    let service = Service::start_changed(|config| config.max_streams = 1).await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(refusal(ada.watch(&Uuid::now_v7().to_string(), 0).await).0, Code::NotFound);
    }
    assert_eq!(next(&mut ada.watch(&order.id, 0).await.unwrap()).await, Some((1, PENDING)));
}

#[tokio::test]
async fn an_instance_that_leaves_sends_its_watchers_elsewhere_at_once() {
    let service = Service::start().await;
    let other = service.replica(|_| {}).await;
    let ada = service.person();
    let order = ada.place(&[("TABLE-OAK", 1)]).await.unwrap();
    let mut versions = ada.watch(&order.id, 0).await.unwrap();
    assert_eq!(next(&mut versions).await, Some((1, PENDING)));
    service.shutdown.cancel();
    assert_eq!(versions.message().await.unwrap_err().code(), Code::Unavailable);
    timeout(Duration::from_secs(10), service.serving).await.expect("it did not leave").unwrap().unwrap();
    let versions = other.known(&ada).watch(&order.id, 1).await.unwrap();
    other.paid(&order).await;
    assert_eq!(rest(versions).await, [(2, CONFIRMED)]);
}
