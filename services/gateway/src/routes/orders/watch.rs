//! Watching an order: at whichever instance there is, and at the next one when that leaves.

use std::time::Duration;

use identity::Caller;
use proto::orders::v1::{self as pb, orders_service_client::OrdersServiceClient};
use rpc::{Channel, deadline};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, Streaming};

/// So long may it go badly, until whoever listens is left to come back by himself.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time that another instance has to begin.
const BEGINNING: Duration = Duration::from_secs(2);

/// Another instance is asked after some time between these: those that have lost one should not come all at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// An order that somebody watches.
pub struct Watch {
    question: Question,
    /// The version that was told last.
    last: i64,
    /// Nothing, where somebody else has to be asked.
    states: Option<Streaming<pb::WatchOrderResponse>>,
    asked: Instant,
    /// When it last went well.
    well: Instant,
}

struct Question {
    orders: OrdersServiceClient<Channel>,
    caller: Caller,
    id: String,
}

impl Watch {
    /// Of the caller's order, after a version that is known, or 0.
    ///
    /// Errors: what the service answers.
    pub async fn begin(
        orders: OrdersServiceClient<Channel>,
        caller: Caller,
        id: String,
        after: i64,
    ) -> Result<Self, Status> {
        let question = Question { orders, caller, id };
        let states = Some(question.ask(after).await?);
        let now = Instant::now();
        Ok(Self { question, last: after, states, asked: now, well: now })
    }

    /// The next state; nothing after the last. To give up waiting for it loses none.
    ///
    /// Errors: no instance is there, or would know better than the one that has failed.
    pub async fn next(&mut self) -> Result<Option<pb::WatchOrderResponse>, Status> {
        loop {
            let heard = match &mut self.states {
                Some(states) => states.message().await,
                None => {
                    self.ask_again().await?;
                    continue;
                }
            };
            match heard {
                Ok(Some(state)) if state.version <= self.last => {}
                Ok(Some(state)) => {
                    (self.last, self.well) = (state.version, Instant::now());
                    return Ok(Some(state));
                }
                Ok(None) => return Ok(None),
                Err(status) => self.lose(status)?,
            }
        }
    }

    /// Errors: nobody else would know better.
    fn lose(&mut self, status: Status) -> Result<(), Status> {
        // Where nothing was said for long, all was well nevertheless.
        if self.asked.elapsed() > PATIENCE {
            self.well = Instant::now();
        }
        self.states = None;
        self.bear(status)
    }

    async fn ask_again(&mut self) -> Result<(), Status> {
        let spread = (LONGEST_PAUSE - SHORTEST_PAUSE).mul_f64(fastrand::f64());
        sleep(SHORTEST_PAUSE + spread).await;
        let answer = deadline::within(BEGINNING, self.question.ask(self.last)).await;
        match answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no instance answers"))) {
            Ok(states) => (self.states, self.asked) = (Some(states), Instant::now()),
            Err(status) => self.bear(status)?,
        }
        Ok(())
    }

    fn bear(&self, status: Status) -> Result<(), Status> {
        let is_of_the_instance = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        if is_of_the_instance && self.well.elapsed() < PATIENCE { Ok(()) } else { Err(status) }
    }
}

impl Question {
    async fn ask(&self, after_version: i64) -> Result<Streaming<pb::WatchOrderResponse>, Status> {
        let request = pb::WatchOrderRequest { id: self.id.clone(), after_version };
        let answer = self.orders.clone().watch_order(self.caller.request(request)).await?;
        Ok(answer.into_inner())
    }
}
