//! The charger: asks the provider for what is due, several payments at once, until nothing is.

use std::time::Duration;

use database::Horizon;
use opentelemetry::trace::FutureExt;
use time::OffsetDateTime;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{app::App, store::Due};

/// Payments that the provider is asked for at once.
const AT_ONCE: usize = 8;

/// It looks so often at least: what nobody has woken it for is what another instance, now gone, had begun.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

const BETWEEN_OBSERVATIONS: Duration = Duration::from_secs(5);

/// Works until `shutdown`, then finishes what is under way. Every replica does: a payment is leased to one of them.
pub async fn run(app: App, shutdown: CancellationToken) {
    let observing = observe(&app);
    tokio::pin!(observing);
    let charging =
        Charger { app: app.clone(), under_way: JoinSet::new(), next_look: Instant::now(), horizon: Horizon::new() }
            .run(&shutdown);
    tokio::select! {
        () = charging => {}
        () = &mut observing => {}
    }
}

struct Charger {
    app: App,
    /// Each returns when its payment is due again, if it is.
    under_way: JoinSet<Option<Duration>>,
    next_look: Instant,
    horizon: Horizon<OffsetDateTime>,
}

impl Charger {
    async fn run(mut self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            if self.under_way.len() < AT_ONCE {
                self.look().await;
            }
            self.wait(shutdown).await;
        }
        while self.under_way.join_next().await.is_some() {}
    }

    /// Begins what is due, as far as there is room.
    async fn look(&mut self) {
        let room = AT_ONCE - self.under_way.len();
        self.next_look = Instant::now() + BETWEEN_LOOKS;
        match self.app.store.take(room, &mut self.horizon).await {
            Ok(due) => {
                for due in due {
                    self.under_way.spawn(pursue(self.app.clone(), due));
                }
            }
            Err(error) => tracing::warn!(error = telemetry::chain(&error), "looking for what is due failed"),
        }
    }

    /// For something to do, and for room to do it in.
    async fn wait(&mut self, shutdown: &CancellationToken) {
        let has_room = self.under_way.len() < AT_ONCE;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.app.due.notified(), if has_room => {}
            () = sleep_until(self.next_look), if has_room => {}
            Some(ended) = self.under_way.join_next() => {
                // What ended in a panic is due again when its lease is over.
                if let Ok(Some(pause)) = ended {
                    self.next_look = self.next_look.min(Instant::now() + pause);
                }
            }
        }
    }
}

/// Within the trace of what is to be paid. What cannot be written down is due again when its lease is over.
async fn pursue(app: App, due: Due) -> Option<Duration> {
    let pursued = app.pursue(&due.payment).with_context(due.trace).await;
    pursued.unwrap_or_else(|error| {
        let error = telemetry::chain(&error);
        tracing::warn!(payment = %due.payment.id, error, "what the provider said could not be written down");
        None
    })
}

/// How long the payment waits that waits the longest.
async fn observe(app: &App) {
    let mut looks = interval(BETWEEN_OBSERVATIONS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match app.store.oldest_authorizing().await {
            Ok(age) => app.metrics.oldest_authorizing(age),
            Err(error) => tracing::debug!(error = telemetry::chain(&error), "nobody knows what waits"),
        }
    }
}
