//! The two streams: events, and those that nobody could handle.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, StorageType},
};
use tokio::sync::Mutex;

use super::Nats;

pub(super) const EVENTS: &str = "events";
pub(super) const DEAD_LETTERS: &str = "dead_letters";

const DAY: Duration = Duration::from_hours(24);

/// In which a message that is published again is noticed. The server keeps their ids in memory, and after it every
/// consumer's inbox notices.
const DUPLICATES: Duration = Duration::from_mins(2);

/// What is known of the streams. Copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// With how many changes of the connection they were there.
    open: Option<u64>,
    /// Why they were not, the last time that this was asked.
    trouble: Option<String>,
}

impl Nats {
    /// Creates the streams where they are missing, also when the server has lost its disk. One that an operator has
    /// configured otherwise stays as it is.
    ///
    /// Errors: why the server cannot be asked, or does not do it.
    pub(super) async fn open_streams(&self) -> Result<(), String> {
        if !self.is_connected() {
            return Err(self.why_away());
        }
        let changes = self.link.changes();
        let mut known = self.streams.0.lock().await;
        if known.open != Some(changes) {
            let opened = self.find_or_create().await;
            known.note(&opened);
            opened?;
            known.open = Some(changes);
        }
        Ok(())
    }

    /// Something was odd: they are looked after before they are needed again.
    pub(super) async fn doubt_streams(&self) {
        self.streams.0.lock().await.open = None;
    }

    async fn find_or_create(&self) -> Result<(), String> {
        for stream in [events(), dead_letters()] {
            let name = stream.name.clone();
            // A server whose limit has no room for the same once more refuses to create what is there.
            if self.finds(&name).await? {
                continue;
            }
            let created = self.create(stream).await;
            // Another instance may have been quicker.
            if created.is_err() && !self.finds(&name).await? {
                return created;
            }
        }
        Ok(())
    }

    async fn finds(&self, stream: &str) -> Result<bool, String> {
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        self.link.try_again(&subject);
        let found = tokio::select! {
            found = self.jetstream.get_stream(stream) => found.map_err(|error| error.kind()),
            // Creating it tells.
            () = self.link.forbidden(&subject) => return Ok(false),
        };
        match found {
            Ok(_) => Ok(true),
            Err(GetStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn create(&self, stream: Config) -> Result<(), String> {
        let subject = format!("$JS.API.STREAM.CREATE.{}", stream.name);
        self.link.try_again(&subject);
        let created = tokio::select! {
            created = self.jetstream.create_stream(stream) => created.map_err(|error| error.kind()),
            // Who forbids it has done it.
            () = self.link.forbidden(&subject) => return Ok(()),
        };
        match created {
            Ok(_) => Ok(()),
            Err(CreateStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Known {
    /// Logs once what is wrong: nobody publishes or hears anything until it is put right.
    fn note(&mut self, opened: &Result<(), String>) {
        let trouble = opened.as_ref().err();
        if let Some(error) = trouble.filter(|error| self.trouble.as_ref() != Some(error)) {
            tracing::warn!(error, "the streams of the bus cannot be opened");
        }
        self.trouble = trouble.cloned();
    }
}

/// When it is full, what is new is refused: that is safe in the outbox, and the oldest may be what nobody has handled.
fn events() -> Config {
    Config { max_age: 7 * DAY, max_bytes: 512 << 20, ..stream(EVENTS) }
}

/// When it is full, whoever has one more tries on.
fn dead_letters() -> Config {
    Config { max_age: 14 * DAY, max_bytes: 64 << 20, ..stream(DEAD_LETTERS) }
}

fn stream(name: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATES,
        ..Config::default()
    }
}
