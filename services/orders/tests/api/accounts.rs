//! Whether who orders has an account: users is asked, and not too often.

use std::{sync::atomic::Ordering, time::Duration};

use futures::future::join_all;
use proto::users::v1::UserDeleted;
use tokio::time::timeout;
use tonic::Code;

use crate::harness::{Person, Service, in_turn, refusal};

const TABLE: [(&str, i64); 1] = [("TABLE-OAK", 1)];

/// Less than an answer is believed that nobody has taken back.
const SOON: Duration = Duration::from_secs(5);

async fn delete(service: &Service, person: &Person) {
    let user_id = person.id.to_string();
    service.hear("users", &user_id, &UserDeleted { user_id: user_id.clone() }).await;
}

/// Orders until that is refused.
async fn refused(person: &Person) -> Code {
    loop {
        if let Err(refusal) = person.place(&TABLE).await {
            return refusal.code();
        }
    }
}

#[tokio::test]
async fn whoever_orders_again_is_asked_for_once() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    for person in [&ada, &ada, &eve, &ada] {
        person.place(&TABLE).await.unwrap();
    }
    assert_eq!(service.users_asked(), 2);
    let grace = service.person();
    let orders = join_all((0..10).map(|_| in_turn(|| grace.place(&TABLE)))).await;
    assert!(orders.iter().all(Result::is_ok), "{orders:?}");
    assert_eq!(service.users_asked(), 3);
}

#[tokio::test]
async fn every_replica_hears_at_once_that_an_account_is_gone() {
    let first = Service::start().await;
    let second = first.replica(|_| {}).await;
    let (ada, eve) = (first.person(), first.person());
    for service in [&first, &second] {
        for person in [&ada, &eve] {
            service.known(person).place(&TABLE).await.unwrap();
        }
        service.users_answer.store(Code::Unauthenticated.into(), Ordering::SeqCst);
    }
    delete(&first, &ada).await;
    for service in [&first, &second] {
        let ada = service.known(&ada);
        assert_eq!(timeout(SOON, refused(&ada)).await.expect("it is still believed"), Code::Unauthenticated);
        assert_eq!(refusal(ada.place(&TABLE).await).0, Code::Unauthenticated);
        service.known(&eve).place(&TABLE).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_no_yes_is_never_believed() {
    let service = Service::start().await;
    let ada = service.person();
    for code in [Code::Unauthenticated, Code::Internal] {
        for _ in 0..2 {
            let before = service.users_asked();
            service.users_answer.store(code.into(), Ordering::SeqCst);
            assert_eq!(refusal(ada.place(&TABLE).await).0, code);
            assert_eq!(service.users_asked(), before + 1);
        }
    }
    service.users_answer.store(Code::Ok.into(), Ordering::SeqCst);
    ada.place(&TABLE).await.unwrap();
}
