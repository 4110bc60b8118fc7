//! Sessions, and the locks that they hold.

use std::time::Duration;

use consul::{Behavior, Error, NewSession, Query, SessionId};

use crate::harness::{error, start};

const NOBODY: &str = "11111111-2222-3333-4444-555555555555";

fn short() -> NewSession {
    NewSession {
        name: "a test's".to_owned(),
        ttl: Some(Duration::from_secs(10)),
        lock_delay: Some(Duration::ZERO),
        ..NewSession::default()
    }
}

#[tokio::test]
async fn a_session_is_found_as_it_was_created() {
    let Some((_consul, client)) = start().await else { return };
    let new = NewSession { lock_delay: Some(Duration::from_millis(1500)), behavior: Behavior::Delete, ..short() };
    let id = client.sessions().create(&new).await.unwrap();
    let session = client.sessions().find(&id, &Query::default()).await.unwrap().value.unwrap();
    assert_eq!((&session.id, session.name.as_str(), session.node.as_str()), (&id, "a test's", "test"));
    assert_eq!((session.ttl.as_str(), session.lock_delay), ("10s", Duration::from_millis(1500)));
    assert_eq!((session.behavior, session.node_checks), (Behavior::Delete, vec!["serfHealth".to_owned()]));
}

#[tokio::test]
async fn a_plain_session_has_consuls_defaults() {
    let Some((_consul, client)) = start().await else { return };
    let id = client.sessions().create(&NewSession::default()).await.unwrap();
    let session = client.sessions().find(&id, &Query::default()).await.unwrap().value.unwrap();
    assert_eq!((session.ttl.as_str(), session.lock_delay), ("", Duration::from_secs(15)));
    assert_eq!(session.behavior, Behavior::Release);
}

#[tokio::test]
async fn a_session_is_renewed_until_it_is_destroyed() {
    let Some((_consul, client)) = start().await else { return };
    let id = client.sessions().create(&short()).await.unwrap();
    assert_eq!(client.sessions().renew(&id).await.unwrap().id, id);
    client.sessions().destroy(&id).await.unwrap();
    let renewed = error(client.sessions().renew(&id)).await;
    assert!(matches!(renewed, Error::NotFound(_)), "{renewed}");
    assert_eq!(client.sessions().find(&id, &Query::default()).await.unwrap().value, None);
    client.sessions().destroy(&id).await.unwrap();
}

#[tokio::test]
async fn a_duration_that_consul_does_not_accept_is_refused() {
    let Some((_consul, client)) = start().await else { return };
    let fleeting = NewSession { ttl: Some(Duration::from_secs(1)), ..short() };
    let created = error(client.sessions().create(&fleeting)).await;
    assert!(matches!(created, Error::Refused { .. }), "{created}");
}

#[tokio::test]
async fn a_lock_has_one_holder_at_a_time() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    let first = client.sessions().create(&short()).await.unwrap();
    let second = client.sessions().create(&short()).await.unwrap();

    assert!(kv.acquire("lock", b"first", &first).await.unwrap());
    assert!(!kv.acquire("lock", b"second", &second).await.unwrap());
    let pair = kv.get("lock", &Query::default()).await.unwrap().value.unwrap();
    assert_eq!((pair.session.as_ref(), &pair.value[..]), (Some(&first), &b"first"[..]));

    assert!(!kv.release("lock", b"", &second).await.unwrap());
    assert!(kv.release("lock", b"", &first).await.unwrap());
    assert!(kv.acquire("lock", b"second", &second).await.unwrap());
    assert_eq!(kv.get("lock", &Query::default()).await.unwrap().value.unwrap().lock_index, 2);
}

#[tokio::test]
async fn the_end_of_a_session_frees_its_locks() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    for (behavior, is_left) in [(Behavior::Release, true), (Behavior::Delete, false)] {
        let session = client.sessions().create(&NewSession { behavior, ..short() }).await.unwrap();
        assert!(kv.acquire("lock", b"", &session).await.unwrap());
        client.sessions().destroy(&session).await.unwrap();
        let pair = kv.get("lock", &Query::default()).await.unwrap().value;
        assert_eq!(pair.is_some(), is_left);
        assert_eq!(pair.and_then(|pair| pair.session), None);
    }
}

#[tokio::test]
async fn nobody_locks_with_a_session_that_does_not_exist() {
    let Some((_consul, client)) = start().await else { return };
    let nobody = SessionId::from(NOBODY.to_owned());
    let acquired = error(client.kv().acquire("lock", b"", &nobody)).await;
    assert!(matches!(acquired, Error::Refused { .. }), "{acquired}");
}
