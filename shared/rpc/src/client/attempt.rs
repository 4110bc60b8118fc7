//! One try of a call at one instance, and what the balancer learns from it.

use tokio::time::Instant;
use tonic::{Code, Status};

use super::{
    balancer::{Balancer, Ready},
    connection::{Lost, Sent},
};
use crate::deadline;

pub(crate) struct Attempt<'a> {
    balancer: &'a Balancer,
    ready: &'a Ready,
    began: Instant,
    deadline: Option<Instant>,
    is_over: bool,
}

impl<'a> Attempt<'a> {
    pub fn begin(balancer: &'a Balancer, ready: &'a Ready) -> Self {
        ready.endpoint.begin();
        Self { balancer, ready, began: Instant::now(), deadline: deadline::current(), is_over: false }
    }

    /// The instance has answered.
    pub fn answered(mut self, code: Code) {
        self.is_over = true;
        // An instance that fails quickly must not look like a quick one.
        if code == Code::Unavailable {
            return self.balancer.failed(self.ready);
        }
        self.ready.endpoint.load.answered(self.began.elapsed());
        self.ready.endpoint.succeeded();
    }

    /// It has not, and will not.
    pub fn lost(mut self, lost: &Lost) {
        self.is_over = true;
        match lost.sent {
            Sent::No => self.balancer.renew(self.ready),
            Sent::Refused => self.balancer.failed(self.ready),
            Sent::Perhaps => self.failed(&lost.status),
        }
    }

    /// A stream's own failure is not the instance's.
    fn failed(&self, status: &Status) {
        if status.code() == Code::Unavailable {
            self.balancer.failed(self.ready);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.ready.endpoint.load.end();
        // A caller that went away says nothing about the instance, one that waited in vain does.
        if !self.is_over && self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.balancer.failed(self.ready);
        }
    }
}
