//! The threads of a process.

use std::{io, thread::available_parallelism};

use anyhow::Context;
use clap::{Args, value_parser};
use tokio::runtime::{Builder, Runtime};

/// On how many threads a process works.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub struct Threads {
    /// Threads that work on requests; if it is not said, as many as there are cores
    #[arg(long, env, value_parser = value_parser!(u16).range(1..=1024))]
    pub worker_threads: Option<u16>,
}

/// Runs a program to its end.
///
/// One thread has nobody to hand tasks to, to wake, or to share memory with: a request costs it less than it costs several
/// together.
///
/// Errors: the program's, or threads cannot be had.
pub fn block_on(threads: Threads, program: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = threads.start().context("the runtime does not start")?;
    let outcome = runtime.block_on(program);
    // To drop it would wait for work that blocks, and looking up a name can take ten seconds.
    runtime.shutdown_background();
    outcome
}

impl Threads {
    fn start(self) -> io::Result<Runtime> {
        let number = match self.worker_threads {
            Some(number) => number.into(),
            None => available_parallelism()?.get(),
        };
        let mut builder = match number {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(number).enable_all().build()
    }
}
