//! The two streams: events, and those that nobody could handle.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    ErrorCode,
    context::CreateStreamErrorKind,
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

/// Whether the streams have been there since the connection last changed. Copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<Option<u64>>>);

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
        let mut open = self.streams.0.lock().await;
        if *open != Some(changes) {
            self.create(events()).await?;
            self.create(dead_letters()).await?;
            *open = Some(changes);
        }
        Ok(())
    }

    /// Something was odd: they are looked after before they are needed again.
    pub(super) async fn doubt_streams(&self) {
        *self.streams.0.lock().await = None;
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
