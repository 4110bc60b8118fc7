//! What is logged by this thread, which is all of a test whose runtime has one.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Dispatch, Level,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// Hears nothing. As long as there is one subscriber alone, tracing asks that of the thread which comes to an event
/// first: if it has none, the event is told to nobody, whoever comes to it later. With two it asks all that there are.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// What is logged for as long as this exists.
pub struct Logs {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Warnings and errors, from now on.
    pub fn capture() -> Self {
        Self::capture_from(Level::WARN)
    }

    /// All that is of this level or worse, from now on.
    pub fn capture_from(level: Level) -> Self {
        LazyLock::force(&ANOTHER);
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone());
        Self { text, _guard: tracing::subscriber::set_default(subscriber.finish()) }
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }

    /// The warnings that say this, if no more than warnings are captured.
    pub fn warnings(&self, saying: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(saying)).map(str::to_owned).collect()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn an_event_that_another_thread_came_to_first_is_heard() {
        let warn = || tracing::warn!("well, well");
        let logs = Logs::capture();
        thread::spawn(warn).join().unwrap();
        warn();
        assert_eq!(logs.warnings("well, well").len(), 1);
    }
}
