//! Settings in Consul's key/value store, which a process follows while it runs.

use discovery::Registry;
use testkit::{Consul, Logs};
use tokio::{sync::watch, time::timeout};

use crate::harness::{PATIENCE, client, eventually, start};

/// What a setting was, one after the other.
struct Applied(watch::Receiver<Vec<Option<String>>>);

impl Applied {
    /// Follows the setting of the service `web`; every text is good but `bad`.
    fn follow(registry: &Registry, name: &'static str) -> Self {
        let (sender, applied) = watch::channel(Vec::new());
        registry.live("web").follow(name, move |value| {
            if value == Some("bad") {
                return Err("it is bad");
            }
            sender.send_modify(|applied| applied.push(value.map(str::to_owned)));
            Ok(())
        });
        Self(applied)
    }

    /// Waits until the setting has been these, and nothing else.
    async fn was(&mut self, expected: &[Option<&str>]) {
        let enough = self.0.wait_for(|applied| applied.len() >= expected.len());
        let applied = timeout(PATIENCE, enough).await.expect("it does not come").unwrap().clone();
        assert_eq!(applied.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }
}

async fn put(consul: &Consul, key: &str, value: impl AsRef<[u8]>) {
    client(&consul.url()).kv().put(key, value.as_ref()).await.unwrap();
}

async fn delete(consul: &Consul, key: &str) {
    client(&consul.url()).kv().delete(key).await.unwrap();
}

#[tokio::test]
async fn a_setting_is_followed_when_it_comes_changes_and_goes() {
    let Some((consul, ours)) = start().await else { return };
    put(&consul, "joist/web/size", "3").await;
    let mut color = Applied::follow(&ours, "color");
    put(&consul, "joist/web/color", "red").await;
    color.was(&[Some("red")]).await;
    put(&consul, "joist/web/color", "blue\n").await;
    color.was(&[Some("red"), Some("blue")]).await;
    delete(&consul, "joist/web/color").await;
    color.was(&[Some("red"), Some("blue"), None]).await;
}

#[tokio::test]
async fn a_setting_that_is_there_already_is_told_to_everybody_who_follows_it() {
    let Some((consul, ours)) = start().await else { return };
    put(&consul, "joist/web/color", "red").await;
    let live = ours.live("web");
    let mut early = Applied::follow(&ours, "color");
    early.was(&[Some("red")]).await;

    let (sender, mut late) = watch::channel(None);
    live.follow("color", move |value| {
        sender.send_replace(value.map(str::to_owned));
        Ok::<_, String>(())
    });
    let red = late.wait_for(|color| color.as_deref() == Some("red"));
    assert!(timeout(PATIENCE, red).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_value_that_is_refused_changes_nothing_and_is_told_once() {
    let Some((consul, ours)) = start().await else { return };
    let logs = Logs::capture();
    let mut color = Applied::follow(&ours, "color");
    put(&consul, "joist/web/color", "red").await;
    color.was(&[Some("red")]).await;
    put(&consul, "joist/web/color", "bad").await;
    eventually("a warning", async || !logs.warnings("a setting is wrong").is_empty()).await;
    // Another answer with the same bad value in it.
    let mut size = Applied::follow(&ours, "size");
    put(&consul, "joist/web/size", "3").await;
    size.was(&[Some("3")]).await;
    put(&consul, "joist/web/color", "blue").await;
    color.was(&[Some("red"), Some("blue")]).await;

    let warnings = logs.warnings("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("color") && warnings[0].contains("it is bad"), "{warnings:?}");
}

#[tokio::test]
async fn what_is_no_text_is_refused_as_well() {
    let Some((consul, ours)) = start().await else { return };
    let logs = Logs::capture();
    let mut color = Applied::follow(&ours, "color");
    put(&consul, "joist/web/color", "red").await;
    color.was(&[Some("red")]).await;
    put(&consul, "joist/web/noise", [0xfe]).await;
    put(&consul, "joist/web/color", [0xff, b'!']).await;
    eventually("a warning", async || !logs.warnings("a setting is wrong").is_empty()).await;
    put(&consul, "joist/web/color", "blue").await;
    color.was(&[Some("red"), Some("blue")]).await;

    let warnings = logs.warnings("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("color") && warnings[0].contains("utf-8"), "{warnings:?}");
}

#[tokio::test]
async fn the_settings_of_other_services_are_not_seen() {
    let Some((consul, ours)) = start().await else { return };
    let mut color = Applied::follow(&ours, "color");
    for key in ["joist/webs/color", "joist/we/color", "joist/color", "web/color", "joist/web/deep/color"] {
        put(&consul, key, "grey").await;
    }
    put(&consul, "joist/web/color", "red").await;
    color.was(&[Some("red")]).await;
}

#[tokio::test]
async fn without_consul_nothing_changes() {
    for registry in [Registry::in_process(), Registry::new(&discovery::Config::default()).unwrap()] {
        let mut color = Applied::follow(&registry, "color");
        // It ends without having been called.
        assert!(timeout(PATIENCE, color.0.changed()).await.unwrap().is_err());
        color.was(&[]).await;
    }
}
