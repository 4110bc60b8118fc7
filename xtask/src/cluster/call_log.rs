//! What a service's log tells of the calls that reached it.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use anyhow::Context;
use serde_json::Value;

/// The calls that are logged from a moment on.
pub struct CallLog {
    path: PathBuf,
    from: u64,
}

impl CallLog {
    pub fn from_now(path: PathBuf) -> anyhow::Result<Self> {
        let from = fs::metadata(&path).with_context(|| format!("{} is not there", path.display()))?.len();
        Ok(Self { path, from })
    }

    /// How many calls of this method came, however they ended.
    pub fn came(&self, method: &str) -> anyhow::Result<usize> {
        self.count(|call| call["rpc.method"] == method)
    }

    /// How many of them were answered with success.
    pub fn succeeded(&self, method: &str) -> anyhow::Result<usize> {
        self.count(|call| call["rpc.method"] == method && call["rpc.code"] == "Ok")
    }

    fn count(&self, counts: impl Fn(&Value) -> bool) -> anyhow::Result<usize> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(calls(&text).filter(counts).count())
    }
}

/// The calls that a log tells of, a line each; its last line may still be in the writing.
pub fn calls(log: &[u8]) -> impl Iterator<Item = Value> {
    lines(log).filter(|line| line["rpc.method"].is_string())
}

/// All that a log tells.
pub fn lines(log: &[u8]) -> impl Iterator<Item = Value> {
    log.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use std::env;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_whole_lines_from_that_moment_on_count() {
        let path = env::temp_dir().join(format!("joist-call-log-{}", Uuid::now_v7()));
        let line = |code| format!("{{\"message\":\"call\",\"rpc.method\":\"a/B\",\"rpc.code\":\"{code}\"}}\n");
        fs::write(&path, line("Ok")).unwrap();
        let log = CallLog::from_now(path.clone()).unwrap();
        let later = [line("Ok"), line("Ok"), "no json\n".to_owned(), line("Unavailable"), line("Ok")].concat();
        let unfinished = &later[..later.len() - 5];
        fs::write(&path, line("Ok") + unfinished).unwrap();
        assert_eq!((log.came("a/B").unwrap(), log.succeeded("a/B").unwrap()), (3, 2));
        assert_eq!(log.came("a/C").unwrap(), 0);
        fs::remove_file(path).unwrap();
    }
}
