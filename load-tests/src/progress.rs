//! A line now and then, for whoever waits.

use std::{
    io::{IsTerminal, stderr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::recorder::Recorder;

/// Until `stop`: each second where somebody looks on, each ten seconds where it goes to a file.
pub async fn watch(recorder: Arc<Recorder>, length: Duration, stop: CancellationToken) {
    let interactive = stderr().is_terminal();
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(if interactive { 1 } else { 10 }));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let (so_far, seconds) = (line(&recorder), began.elapsed().as_secs());
        let end = if interactive { "\r" } else { "\n" };
        eprint!("{seconds:>5} of {} s   {so_far}{end}", length.as_secs());
    }
    if interactive {
        eprintln!();
    }
}

fn line(recorder: &Recorder) -> String {
    let seen = recorder.seen();
    let Some(last) = seen.series.points().last() else { return "warming up".to_owned() };
    let milliseconds = |quantile| last.latencies.value_at_quantile(quantile) as f64 / 1000.0;
    let (p50, p99) = (milliseconds(0.5), milliseconds(0.99));
    let (all, failed) = (seen.latencies.len(), seen.failed);
    format!("{all} iterations, {failed} failed; now p50 {p50:.1} ms, p99 {p99:.1} ms      ")
}
