//! The end of a program, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    env,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use lifecycle::exit;
use tokio::{runtime::Runtime, task::spawn_blocking};

/// Says to the program, which is the same test once more, that it is the program.
const IS_THE_PROGRAM: &str = "IS_THE_PROGRAM";

/// Longer than anybody would wait.
const BLOCKED: Duration = Duration::from_secs(60);

#[test]
fn a_program_does_not_wait_for_what_blocks() {
    let program = || {
        Runtime::new().unwrap().block_on(async {
            spawn_blocking(|| thread::park_timeout(BLOCKED));
            exit(Ok(()), 1);
        });
    };
    let began = Instant::now();
    let output = output_of("a_program_does_not_wait_for_what_blocks", program);
    assert_eq!(output.status.code(), Some(0));
    assert!(began.elapsed() < BLOCKED / 2);
}

#[test]
fn a_failure_is_a_line_and_a_code() {
    let output =
        output_of("a_failure_is_a_line_and_a_code", || exit(Err(anyhow!("the cause").context("what failed")), 7));
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "what failed: the cause\n");
}

fn output_of(test: &str, program: impl FnOnce()) -> Output {
    if env::var_os(IS_THE_PROGRAM).is_some() {
        program();
    }
    let mut again = Command::new(env::current_exe().unwrap());
    again.args([test, "--exact", "--nocapture"]).env(IS_THE_PROGRAM, "yes").output().unwrap()
}
