//! A call of one message: held, so that it can be made again.
//!
//! An answer of one message is held as well: the deadline covers its last byte, and one that breaks off is a failure of
//! the call rather than of whoever reads it. A stream is its reader's as soon as it has begun.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::sleep;
use tonic::{Code, Status, body::Body};

use super::{
    attempt::Attempt,
    balancer::{Balancer, Ready},
    budget::Budget,
    connection::{Lost, Sent, meaning},
    endpoint::Endpoint,
};
use crate::{deadline, ending::outcome};

/// What tonic's clients take: 4 MiB, and the head of a message.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024 + 5;

/// Full jitter: anything from nothing to this, twice as much for the second retry.
const LONGEST_BACKOFF: Duration = Duration::from_millis(20);

const MOST_RETRIES: u32 = 2;

pub(crate) type Answer = Result<Response<Body>, Status>;

/// A call that can be made more than once.
pub(crate) struct Held {
    head: request::Parts,
    message: Bytes,
    idempotent: bool,
    /// What comes back.
    is_stream: bool,
}

/// What was heard, and what may be done about it.
struct Failure {
    answer: Answer,
    sent: Sent,
}

impl Held {
    pub async fn unary(request: Request<Body>, idempotent: bool) -> Result<Self, Status> {
        let (head, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        Ok(Self { head, message, idempotent, is_stream: false })
    }

    pub async fn server_stream(mut request: Request<Body>, idempotent: bool) -> Result<Self, Status> {
        deadline::conceal(request.headers_mut());
        Ok(Self { is_stream: true, ..Self::unary(request, idempotent).await? })
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::from_parts(self.head.clone(), Body::new(Full::new(self.message.clone())));
        if !self.is_stream {
            deadline::announce(request.headers_mut());
        }
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
        match self.exchange(ready).await {
            Ok(response) => {
                // A stream that goes on is well so far.
                let code = response.extensions().get().copied().unwrap_or(Code::Ok);
                attempt.answered(code);
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

    /// There and all the way back, or to where a stream begins.
    async fn exchange(&self, ready: &Ready) -> Result<Response<Body>, Box<Lost>> {
        let response = ready.connection.send(self.request()).await?;
        if self.is_stream { Ok(begun(response)) } else { whole(response).await }
    }
}

fn is_unavailable(failure: &Answer) -> bool {
    // An answer is a failure for no other reason.
    failure.as_ref().err().is_none_or(|status| status.code() == Code::Unavailable)
}

/// An answer of which more may come. If it is over already, its [`Code`] is among the extensions.
pub(crate) fn begun(response: Response<Incoming>) -> Response<Body> {
    let code = outcome(response.headers());
    let mut response = response.map(|body| Body::new(body.map_err(meaning)));
    if let Some(code) = code {
        response.extensions_mut().insert(code);
    }
    response
}

/// The whole answer, with its [`Code`] among the extensions.
async fn whole(response: Response<Incoming>) -> Result<Response<Body>, Box<Lost>> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(broken_off)?;
    // A failure without a message comes in the head, others after the body.
    let code = outcome(&head.headers).or_else(|| body.trailers().and_then(outcome)).unwrap_or(Code::Unknown);
    let mut response = Response::from_parts(head, Body::new(body));
    response.extensions_mut().insert(code);
    Ok(response)
}

fn broken_off(error: Box<dyn std::error::Error + Send + Sync>) -> Box<Lost> {
    let status = match error.downcast::<hyper::Error>() {
        Ok(error) => meaning(*error),
        Err(error) if error.is::<LengthLimitError>() => Status::out_of_range("the answer is too large"),
        Err(error) => Status::from_error(error),
    };
    Box::new(Lost { status, sent: Sent::Perhaps, request: None })
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
