//! The lines of the log on their way to stdout: those of a few milliseconds are written together, since to write each by
//! itself would cost a request more than to make it.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// A line waits so long for others, and may be lost if the process is killed meanwhile.
const DELAY: Duration = Duration::from_millis(10);

/// When so many bytes wait, whoever logs writes them: a reader that is slow slows us down, and costs no memory.
const MOST: usize = 256 * 1024;

/// Where lines wait until they are written. Copies share it.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Vec<u8>>,
    come: Condvar,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Lines {
    /// For the rest of the process.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Shared { waiting: Mutex::default(), come: Condvar::new(), out: Mutex::new(Box::new(out)) };
        let lines = Self(Arc::new(shared));
        let writing = lines.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writing.keep_writing())?;
        Ok(lines)
    }

    fn keep_writing(&self) {
        loop {
            let some = self.0.come.wait_while(lock(&self.0.waiting), |lines| lines.is_empty());
            let some = some.unwrap_or_else(PoisonError::into_inner);
            drop(self.0.come.wait_timeout_while(some, DELAY, |lines| lines.len() < MOST));
            self.write();
        }
    }

    /// Writes what waits.
    pub fn write(&self) {
        // Taken first, so that lines are written in their order, whoever does it.
        let mut out = lock(&self.0.out);
        let lines = mem::take(&mut *lock(&self.0.waiting));
        // A request does not fail because nobody can read the log.
        let _ = out.write_all(&lines).and_then(|()| out.flush());
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = lock(&self.0.waiting);
        let (was_empty, is_full) = (waiting.is_empty(), waiting.len() + line.len() > MOST);
        waiting.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.0.come.notify_one();
        }
        if is_full {
            Lines::write(self);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Lines::write(self);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(lock(&self.0).clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_soon_though_nobody_asks() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        for round in 1..=3 {
            lines.make_writer().write_all(b"line\n").unwrap();
            let (began, expected) = (Instant::now(), "line\n".repeat(round));
            while written.text() != expected {
                assert!(began.elapsed() < Duration::from_secs(10), "{:?}", written.text());
                thread::yield_now();
            }
        }
    }

    fn log(name: &str, lines: &Lines) {
        for number in 0..1000 {
            let line = format!("{name} {number}\n");
            lines.make_writer().write_all(line.as_bytes()).unwrap();
            // Also where somebody else writes at the same time.
            if number % 100 == 0 {
                lines.write();
            }
        }
    }

    #[test]
    fn each_thread_finds_its_lines_whole_and_in_their_order() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let lines = &lines;
                scope.spawn(move || log(name, lines));
            }
        });
        lines.write();
        let text = written.text();
        for name in ["a ", "b ", "c "] {
            let numbers: Vec<usize> = text.lines().filter_map(|line| line.strip_prefix(name)?.parse().ok()).collect();
            assert!(numbers.iter().copied().eq(0..1000), "{name}: {} lines", numbers.len());
        }
        assert_eq!(text.lines().count(), 3000);
    }

    #[test]
    fn who_logs_too_much_writes_it() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        lines.make_writer().write_all(&vec![b'x'; MOST + 1]).unwrap();
        assert_eq!(written.text().len(), MOST + 1);
    }
}
