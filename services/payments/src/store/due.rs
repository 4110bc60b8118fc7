//! What is left to be done with payments: leased to one charger at a time.

use std::time::Duration;

use database::Horizon;
use opentelemetry::Context;
use sqlx::{query, query_as, query_scalar};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, trace::Trace};
use crate::{
    domain::{Currency, Money, OrderId, Payment, PaymentId, Status},
    error::Error,
};

/// Longer than the provider is waited for. The payments of a charger that was killed are due again after this.
const LEASE: Duration = Duration::from_secs(10);

/// Payments are due before they are committed: one that is due so much earlier than another may be seen after it.
const OVERTAKING: time::Duration = time::Duration::seconds(1);

/// A payment that the provider is to be asked for, and the trace that it is a part of.
pub struct Due {
    pub payment: Payment,
    pub trace: Context,
}

impl Store {
    /// Leases what is due, as far as it is within the horizon. The attempt is counted before it is made: whoever calls a
    /// payment off sees that the provider may know of it.
    pub async fn take(&self, at_most: usize, horizon: &mut Horizon<OffsetDateTime>) -> Result<Vec<Due>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query_as!(
            DueRow,
            r#"with due as materialized (
                 select id, due_at from payments where due_at between $3 and now()
                 order by due_at limit $1 for update skip locked
             )
             update payments set attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
             from due where payments.id = due.id
             returning payments.id, order_id, status, amount as "amount!", currency as "currency!", version, attempts,
                 traceparent, tracestate, due.due_at as "was_due!""#,
            i64::try_from(at_most).unwrap_or(i64::MAX),
            LEASE.as_secs_f64(),
            horizon.look().unwrap_or(OffsetDateTime::UNIX_EPOCH),
        )
        .fetch_all(&mut connection)
        .await?;
        if let Some(oldest) = rows.iter().map(|row| row.was_due).min() {
            horizon.move_to(oldest - OVERTAKING);
        }
        rows.into_iter().map(Due::try_from).collect()
    }

    /// Ends the lease: the payment is due again after the pause, unless something has happened to it since.
    pub async fn put_off(&self, payment: &Payment, pause: Duration) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        query!(
            "update payments set due_at = now() + make_interval(secs => $4)
             where id = $1 and version = $2 and attempts = $3",
            payment.id.0,
            payment.version,
            payment.attempts,
            pause.as_secs_f64(),
        )
        .execute(&mut connection)
        .await?;
        Ok(())
    }

    /// The age of the oldest payment that is still to be charged; zero if there is none.
    pub async fn oldest_authorizing(&self) -> Result<Duration, Error> {
        let mut connection = self.pool.acquire().await?;
        let age = query_scalar!(
            r#"select extract(epoch from now() - min(created_at))::float8 as "age: f64" from payments
             where due_at is not null and status = 'authorizing'"#,
        )
        .fetch_one(&mut connection)
        .await?;
        Ok(age.and_then(|age| Duration::try_from_secs_f64(age).ok()).unwrap_or_default())
    }
}

struct DueRow {
    id: Uuid,
    order_id: Uuid,
    status: String,
    amount: i64,
    currency: String,
    version: i64,
    attempts: i32,
    traceparent: Option<String>,
    tracestate: Option<String>,
    was_due: OffsetDateTime,
}

impl TryFrom<DueRow> for Due {
    type Error = Error;

    fn try_from(row: DueRow) -> Result<Self, Error> {
        let payment = Payment {
            id: PaymentId(row.id),
            order_id: OrderId(row.order_id),
            amount: Money::parse(row.amount, Currency::parse(&row.currency)?)?,
            status: Status::parse(&row.status)?,
            version: row.version,
            attempts: row.attempts,
        };
        let trace = Trace { parent: row.traceparent, state: row.tracestate };
        Ok(Self { payment, trace: trace.context() })
    }
}
