//! A payment, and what can become of it.

use super::{Money, OrderId, PaymentId, Violation};

/// What is paid for an order, or would be.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub amount: Money,
    pub status: Status,
    /// Counts the changes of the status.
    pub version: i64,
    /// How often the provider was asked, the time included that is to come.
    pub attempts: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// To be charged.
    Authorizing,
    Captured,
    Declined,
    /// Called off when it may have been charged.
    Cancelling,
    /// Called off, and never charged.
    CalledOff,
    /// Called off when it was charged.
    Refunding,
    Refunded,
}

/// What happens to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The order was cancelled; `asked` if the provider may know of the payment.
    CalledOff { asked: bool },
    /// The provider has charged it.
    Captured,
    /// The provider does not charge it.
    Declined,
    /// The provider has never charged it, and never will.
    Voided,
    /// The provider has charged it, and given it back.
    Refunded,
}

/// What the provider is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Charge,
    /// Whatever has become of it: nothing shall be charged in the end.
    Cancel,
}

impl Status {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "authorizing" => Ok(Self::Authorizing),
            "captured" => Ok(Self::Captured),
            "declined" => Ok(Self::Declined),
            "cancelling" => Ok(Self::Cancelling),
            "called_off" => Ok(Self::CalledOff),
            "refunding" => Ok(Self::Refunding),
            "refunded" => Ok(Self::Refunded),
            _ => Err(Violation::new("status", "is unknown")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorizing => "authorizing",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Cancelling => "cancelling",
            Self::CalledOff => "called_off",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
        }
    }

    /// What follows from the news; `None` where they come late, come again, or cannot be true: then nothing does.
    pub fn after(self, news: News) -> Option<Self> {
        match self {
            Self::Authorizing => match news {
                News::CalledOff { asked: false } => Some(Self::CalledOff),
                News::CalledOff { asked: true } => Some(Self::Cancelling),
                News::Captured => Some(Self::Captured),
                News::Declined => Some(Self::Declined),
                News::Voided | News::Refunded => None,
            },
            Self::Captured => match news {
                News::CalledOff { .. } => Some(Self::Refunding),
                News::Captured | News::Declined | News::Voided | News::Refunded => None,
            },
            // The charge may be answered while it is being cancelled.
            Self::Cancelling => match news {
                News::Captured => Some(Self::Refunding),
                News::Declined | News::Voided => Some(Self::CalledOff),
                News::Refunded => Some(Self::Refunded),
                News::CalledOff { .. } => None,
            },
            Self::Refunding => match news {
                News::Refunded => Some(Self::Refunded),
                News::CalledOff { .. } | News::Captured | News::Declined | News::Voided => None,
            },
            Self::Declined | Self::CalledOff | Self::Refunded => None,
        }
    }

    /// What is left to be done.
    pub fn task(self) -> Option<Task> {
        match self {
            Self::Authorizing => Some(Task::Charge),
            Self::Cancelling | Self::Refunding => Some(Task::Cancel),
            Self::Captured | Self::Declined | Self::CalledOff | Self::Refunded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Status; 7] = [
        Status::Authorizing,
        Status::Captured,
        Status::Declined,
        Status::Cancelling,
        Status::CalledOff,
        Status::Refunding,
        Status::Refunded,
    ];

    const NEWS: [News; 6] = [
        News::CalledOff { asked: false },
        News::CalledOff { asked: true },
        News::Captured,
        News::Declined,
        News::Voided,
        News::Refunded,
    ];

    #[test]
    fn what_is_written_is_read_again() {
        for status in ALL {
            assert_eq!(Status::parse(status.as_str()), Ok(status));
        }
        assert!(Status::parse("paid").is_err());
    }

    #[test]
    fn the_whole_table() {
        use Status::{Authorizing, CalledOff, Cancelling, Captured, Declined, Refunded, Refunding};
        let rows = [
            (Authorizing, [Some(CalledOff), Some(Cancelling), Some(Captured), Some(Declined), None, None]),
            (Captured, [Some(Refunding), Some(Refunding), None, None, None, None]),
            (Declined, [None; 6]),
            (Cancelling, [None, None, Some(Refunding), Some(CalledOff), Some(CalledOff), Some(Refunded)]),
            (CalledOff, [None; 6]),
            (Refunding, [None, None, None, None, None, Some(Refunded)]),
            (Refunded, [None; 6]),
        ];
        assert_eq!(rows.map(|(status, _)| status), ALL);
        for (status, expected) in rows {
            assert_eq!(NEWS.map(|news| status.after(news)), expected, "{status:?}");
        }
    }

    #[test]
    fn what_is_called_off_is_never_left_charged() {
        for called_off in ALL.into_iter().filter_map(|status| status.after(News::CalledOff { asked: true })) {
            let ends = NEWS.into_iter().filter_map(|news| called_off.after(news));
            assert!(ends.clone().all(|end| end != Status::Captured), "{called_off:?}");
            assert_eq!(called_off.task(), Some(Task::Cancel));
            assert!(ends.clone().any(|end| end == Status::Refunded), "{called_off:?}");
        }
    }

    #[test]
    fn what_is_left_to_do_ends() {
        for status in ALL.into_iter().filter(|status| status.task().is_none()) {
            let goes_on = NEWS.into_iter().filter_map(|news| status.after(news)).all(|next| next == Status::Refunding);
            assert!(goes_on, "{status:?}");
        }
    }
}
