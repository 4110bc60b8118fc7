//! The key/value store: any bytes under any key, written under conditions, deleted.

use consul::{Error, Query};

use crate::harness::{error, start};

#[tokio::test]
async fn a_value_is_read_as_it_was_put() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    for value in [&b"text"[..], b"", &[0, 255, 128, 10]] {
        kv.put("a", value).await.unwrap();
        let answer = kv.get("a", &Query::default()).await.unwrap();
        let pair = answer.value.unwrap();
        assert_eq!((pair.key.as_str(), &pair.value[..]), ("a", value));
        assert_eq!(pair.modify_index, answer.index);
        assert_eq!(pair.session, None);
    }
}

#[tokio::test]
async fn an_absent_key_is_none_with_an_index() {
    let Some((_consul, client)) = start().await else { return };
    let answer = client.kv().get("a", &Query::default()).await.unwrap();
    assert_eq!(answer.value, None);
    assert!(answer.index > 0);
    let list = client.kv().list("a", &Query::default()).await.unwrap();
    assert!(list.value.is_empty() && list.index > 0, "{list:?}");
}

#[tokio::test]
async fn a_key_may_have_any_characters() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    let keys =
        ["a b", "a/b/c", "grüße/€", "a?b=c&d", "100%", "a%2Fb", "a#b", "a+b", "a\\b", "...", "folder/", "~a:b@c"];
    for key in keys {
        kv.put(key, key.as_bytes()).await.unwrap();
    }
    for key in keys {
        let pair = kv.get(key, &Query::default()).await.unwrap().value.unwrap();
        assert_eq!((pair.key.as_str(), &pair.value[..]), (key, key.as_bytes()));
    }
    assert_eq!(kv.list("", &Query::default()).await.unwrap().value.len(), keys.len());
    for key in keys {
        kv.delete(key).await.unwrap();
    }
    assert!(kv.list("", &Query::default()).await.unwrap().value.is_empty());
}

#[tokio::test]
async fn a_key_that_would_be_another_path_is_not_sent() {
    let Some((_consul, client)) = start().await else { return };
    for key in ["/a", "a//b", "../a", "a/./b", ".."] {
        let error = error(client.kv().put(key, b"")).await;
        assert!(matches!(&error, Error::Unaddressable(it) if it == key), "{key}: {error}");
    }
}

#[tokio::test]
async fn keys_are_listed_and_deleted_by_their_beginning() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    for key in ["shop/b", "shop/a", "shopping", "other"] {
        kv.put(key, b"1").await.unwrap();
    }
    let keys = async |prefix| {
        let pairs = kv.list(prefix, &Query::default()).await.unwrap().value;
        pairs.into_iter().map(|pair| pair.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("shop/").await, ["shop/a", "shop/b"]);
    assert_eq!(keys("shop").await, ["shop/a", "shop/b", "shopping"]);
    kv.delete_prefix("shop/").await.unwrap();
    assert_eq!(keys("").await, ["other", "shopping"]);
}

#[tokio::test]
async fn compare_and_set_writes_only_over_what_was_read() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    assert!(kv.compare_and_set("a", b"1", 0).await.unwrap());
    assert!(!kv.compare_and_set("a", b"2", 0).await.unwrap(), "0 means that there is no such key");
    let read = kv.get("a", &Query::default()).await.unwrap().value.unwrap();
    assert!(kv.compare_and_set("a", b"3", read.modify_index).await.unwrap());
    assert!(!kv.compare_and_set("a", b"4", read.modify_index).await.unwrap());
    assert_eq!(kv.get("a", &Query::default()).await.unwrap().value.unwrap().value, b"3");
}

#[tokio::test]
async fn compare_and_delete_deletes_only_what_was_read() {
    let Some((_consul, client)) = start().await else { return };
    let kv = client.kv();
    kv.put("a", b"1").await.unwrap();
    let read = kv.get("a", &Query::default()).await.unwrap().value.unwrap();
    kv.put("a", b"2").await.unwrap();
    assert!(!kv.compare_and_delete("a", read.modify_index).await.unwrap());
    let read = kv.get("a", &Query::default()).await.unwrap().value.unwrap();
    assert!(kv.compare_and_delete("a", read.modify_index).await.unwrap());
    assert_eq!(kv.get("a", &Query::default()).await.unwrap().value, None);
}

#[tokio::test]
async fn deleting_what_is_not_there_is_fine() {
    let Some((_consul, client)) = start().await else { return };
    client.kv().delete("a").await.unwrap();
    client.kv().delete_prefix("a/").await.unwrap();
}

#[tokio::test]
async fn a_value_beyond_the_limit_is_refused() {
    let Some((_consul, client)) = start().await else { return };
    let error = error(client.kv().put("a", &vec![b'a'; 512 * 1024 + 1])).await;
    assert!(matches!(error, Error::Refused { status: 413, .. }), "{error}");
}
