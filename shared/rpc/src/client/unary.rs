//! A call of one message: held whole, as is its answer.
//!
//! So it can be made again; its deadline covers the last byte of the answer; and an answer that breaks off is a failure
//! of the call rather than of whoever reads it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request};
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use tokio::time::sleep;
use tonic::{Code, Status, body::Body};

use super::{
    attempt::Attempt,
    balancer::{Balancer, Ready},
    budget::Budget,
    connection::{Lost, Sent, meaning},
    endpoint::Endpoint,
};
use crate::deadline;

/// What tonic's clients take: 4 MiB, and the head of a message.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024 + 5;

/// Full jitter: anything from nothing to this, twice as much for the second retry.
const LONGEST_BACKOFF: Duration = Duration::from_millis(20);

const MOST_RETRIES: u32 = 2;

pub(crate) type Answer = Result<Response<Body>, Status>;

/// A call that can be made more than once.
pub(crate) struct Unary {
    head: request::Parts,
    message: Bytes,
    idempotent: bool,
}

/// What was heard, and what may be done about it.
struct Failure {
    answer: Answer,
    sent: Sent,
}

impl Unary {
    pub async fn hold(request: Request<Body>, idempotent: bool) -> Result<Self, Status> {
        let (head, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        Ok(Self { head, message, idempotent })
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::from_parts(self.head.clone(), Body::new(Full::new(self.message.clone())));
        deadline::announce(request.headers_mut());
        request
    }

    /// Makes the call until it is answered or nothing more can be hoped for. What the last instance said is in `last`
    /// meanwhile, in case that the time is over first.
    pub async fn make(&self, balancer: &Balancer, budget: &Budget, last: &mut Option<Answer>) -> Answer {
        let limits = balancer.tuning.borrow().limits;
        budget.deposit(limits);
        let mut tries = Tries::default();
        let mut avoid: Option<Arc<Endpoint>> = None;
        loop {
            let ready = match balancer.pick(avoid.as_ref()).await {
                Ok(ready) => ready,
                Err(status) => return last.take().unwrap_or(Err(status)),
            };
            let Failure { answer, sent } = match self.attempt(balancer, &ready).await {
                // A retry for which there was no time tells less than the failure before it.
                Ok((Code::DeadlineExceeded, response)) => return last.take().unwrap_or(Ok(response)),
                Ok((_, response)) => return Ok(response),
                Err(failure) => *failure,
            };
            // A stream's own failure would be the same elsewhere.
            let may_retry = self.idempotent && is_unavailable(&answer);
            let Some(backoff) = tries.another(sent, || may_retry && budget.withdraw(limits)) else { return answer };
            balancer.instruments.retried();
            *last = Some(answer);
            avoid = Some(ready.endpoint);
            sleep(backoff).await;
        }
    }

    /// One try. Errors: the instance is unavailable, or could not be asked.
    async fn attempt(&self, balancer: &Balancer, ready: &Ready) -> Result<(Code, Response<Body>), Box<Failure>> {
        let attempt = Attempt::begin(balancer, ready);
        match exchange(ready, self.request()).await {
            Ok(response) => {
                let code = code(&response);
                attempt.answered(code);
                let mut response = response.map(Body::new);
                response.extensions_mut().insert(code);
                match code {
                    Code::Unavailable => Err(Box::new(Failure { answer: Ok(response), sent: Sent::Perhaps })),
                    code => Ok((code, response)),
                }
            }
            Err(lost) => {
                attempt.lost(&lost);
                Err(Box::new(Failure { answer: Err(lost.status), sent: lost.sent }))
            }
        }
    }
}

fn is_unavailable(failure: &Answer) -> bool {
    // An answer is a failure for no other reason.
    failure.as_ref().err().is_none_or(|status| status.code() == Code::Unavailable)
}

/// There and all the way back.
async fn exchange(ready: &Ready, request: Request<Body>) -> Result<Response<Collected<Bytes>>, Box<Lost>> {
    let (head, body) = ready.connection.send(request).await?.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(broken_off)?;
    Ok(Response::from_parts(head, body))
}

fn broken_off(error: Box<dyn std::error::Error + Send + Sync>) -> Box<Lost> {
    let status = match error.downcast::<hyper::Error>() {
        Ok(error) => meaning(*error),
        Err(error) if error.is::<LengthLimitError>() => Status::out_of_range("the answer is too large"),
        Err(error) => Status::from_error(error),
    };
    Box::new(Lost { status, sent: Sent::Perhaps, request: None })
}

/// A failure without a message comes in the head, others after the body.
fn code(response: &Response<Collected<Bytes>>) -> Code {
    let status = |headers: &HeaderMap| headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    status(response.headers()).or_else(|| response.body().trailers().and_then(status)).unwrap_or(Code::Unknown)
}

/// What was tried so far.
#[derive(Default)]
struct Tries {
    retries: u32,
    sent_again: bool,
}

impl Tries {
    /// How long to wait before the next try, if there may be one.
    fn another(&mut self, sent: Sent, may_retry: impl FnOnce() -> bool) -> Option<Duration> {
        // Nobody has acted on it: any call can be sent to somebody else, once.
        if sent != Sent::Perhaps && !self.sent_again {
            self.sent_again = true;
            return Some(Duration::ZERO);
        }
        if self.retries == MOST_RETRIES || !may_retry() {
            return None;
        }
        self.retries += 1;
        Some(LONGEST_BACKOFF.mul_f64(fastrand::f64() * f64::from(self.retries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_sent_is_sent_again_once() {
        let mut tries = Tries::default();
        assert_eq!(tries.another(Sent::No, || false), Some(Duration::ZERO));
        assert_eq!(tries.another(Sent::Refused, || false), None);
    }

    #[test]
    fn what_may_have_been_done_is_tried_again_twice_where_that_is_allowed() {
        let mut tries = Tries::default();
        assert_eq!(tries.another(Sent::Perhaps, || false), None);
        for longest in [LONGEST_BACKOFF, 2 * LONGEST_BACKOFF] {
            assert!(tries.another(Sent::Perhaps, || true).unwrap() <= longest);
        }
        assert_eq!(tries.another(Sent::Perhaps, || true), None);
    }
}
