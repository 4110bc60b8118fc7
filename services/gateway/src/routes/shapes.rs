//! JSON shapes that several routes share.

use axum::http::StatusCode;
use prost_types::Timestamp;
use proto::money::v1 as pb;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// An amount of money, exact.
#[derive(Serialize, ToSchema)]
pub struct Money {
    /// In minor units: 1999 is 19.99 EUR
    amount: i64,
    /// ISO 4217
    currency: String,
}

impl From<pb::Money> for Money {
    fn from(money: pb::Money) -> Self {
        Self { amount: money.amount, currency: money.currency }
    }
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 100; 20 when absent
    pub page_size: Option<i32>,
    /// The `next_page_token` of the page before
    #[serde(default)]
    pub page_token: String,
}

/// What a contract promises and a service did not send.
pub fn promised<T>(field: Option<T>) -> Result<T, Problem> {
    field.ok_or_else(|| broken("a promised field is missing"))
}

pub fn time(timestamp: Option<Timestamp>) -> Result<OffsetDateTime, Problem> {
    let Timestamp { seconds, nanos } = promised(timestamp)?;
    let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    // A year of RFC 3339 has four digits and no sign.
    time.filter(|time| time.year() > 0).ok_or_else(|| broken("a time is out of range"))
}

pub fn broken(contract: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).cause(contract)
}
