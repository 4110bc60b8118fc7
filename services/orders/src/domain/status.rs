//! The states of an order, and what leads from one to another.

use thiserror::Error;

use super::Violation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Confirmed,
    Rejected,
    Cancelled,
}

/// Why an order changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Paid,
    /// It will not be paid.
    Declined,
    /// By the customer.
    CalledOff,
    /// It was not paid in time.
    Expired,
}

/// What cannot happen to an order that is so.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("an order that is {} stays so", .0.as_str())]
pub struct WrongState(pub Status);

impl Status {
    /// The whole life of an order: what is not here does not happen.
    pub fn after(self, reason: Reason) -> Result<Self, WrongState> {
        match (self, reason) {
            (Self::Pending, Reason::Paid) => Ok(Self::Confirmed),
            (Self::Pending, Reason::Declined) => Ok(Self::Rejected),
            (Self::Pending, Reason::CalledOff | Reason::Expired) => Ok(Self::Cancelled),
            (Self::Confirmed, Reason::CalledOff) => Ok(Self::Cancelled),
            (Self::Confirmed, Reason::Paid | Reason::Declined | Reason::Expired) => Err(WrongState(self)),
            (Self::Rejected | Self::Cancelled, _) => Err(WrongState(self)),
        }
    }

    pub fn is_settled(self) -> bool {
        self != Self::Pending
    }

    /// Whether the stock is taken; it is given back otherwise.
    pub fn holds_stock(self) -> bool {
        matches!(self, Self::Pending | Self::Confirmed)
    }

    pub fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "pending" => Ok(Self::Pending),
            "confirmed" => Ok(Self::Confirmed),
            "rejected" => Ok(Self::Rejected),
            "cancelled" => Ok(Self::Cancelled),
            _ => Err(Violation::new("status", "is unknown")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::CalledOff => "called_off",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    const STATES: [Status; 4] = [Status::Pending, Status::Confirmed, Status::Rejected, Status::Cancelled];
    const REASONS: [Reason; 4] = [Reason::Paid, Reason::Declined, Reason::CalledOff, Reason::Expired];

    #[test]
    fn five_changes_are_possible_and_no_other() {
        let changes = STATES.iter().flat_map(|from| REASONS.iter().map(move |reason| (*from, *reason)));
        let possible: Vec<_> = changes.filter_map(|(from, why)| Some((from, why, from.after(why).ok()?))).collect();
        let expected = [
            (Status::Pending, Reason::Paid, Status::Confirmed),
            (Status::Pending, Reason::Declined, Status::Rejected),
            (Status::Pending, Reason::CalledOff, Status::Cancelled),
            (Status::Pending, Reason::Expired, Status::Cancelled),
            (Status::Confirmed, Reason::CalledOff, Status::Cancelled),
        ];
        assert_eq!(possible, expected);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for status in STATES {
            assert_eq!(Status::parse(status.as_str()), Ok(status));
        }
        assert!(Status::parse("lost").is_err());
    }

    proptest! {
        #[test]
        fn what_is_rejected_or_cancelled_stays_so(reasons in proptest::collection::vec(select(&REASONS), 0..20)) {
            let mut status = Status::Pending;
            for reason in reasons {
                let after = status.after(reason);
                prop_assert_eq!(after.is_err(), after == Err(WrongState(status)));
                if !status.holds_stock() {
                    prop_assert!(after.is_err());
                }
                status = after.unwrap_or(status);
            }
        }
    }
}
