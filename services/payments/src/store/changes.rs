//! What becomes of payments: one row for each order, which is locked before it is changed.

use database::{Connection, Transaction};
use sqlx::query;

use super::{Store, trace::Trace};
use crate::{
    domain::{Money, News, OrderId, Payment, PaymentId, Status},
    error::Error,
    messages,
};

/// A payment as it is while nobody else can change it.
struct Locked {
    status: Status,
    attempts: i32,
}

impl Store {
    /// A payment to be charged, unless the order has one.
    pub async fn authorize(&self, tx: &mut Transaction, order_id: OrderId, amount: Money) -> Result<(), Error> {
        let (currency, trace) = (amount.currency(), Trace::current());
        query!(
            "with payment as (
                 insert into payments (id, order_id, status, amount, currency, due_at, traceparent, tracestate)
                 values ($1, $2, 'authorizing', $3, $4, now(), $5, $6)
                 on conflict on constraint payments_one_for_each_order do nothing
                 returning id, version, status
             )
             insert into payment_changes (payment_id, version, status) select id, version, status from payment",
            PaymentId::generate().0,
            order_id.0,
            amount.amount(),
            currency.as_str(),
            trace.parent,
            trace.state,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Calls the payment off; of an order that nobody has heard of yet, that is remembered.
    pub async fn call_off(&self, tx: &mut Transaction, order_id: OrderId) -> Result<(), Error> {
        if never_pay(tx, order_id).await? {
            return Ok(());
        }
        let payment = lock(tx, order_id).await?;
        let news = News::CalledOff { asked: payment.attempts > 0 };
        match payment.status.after(news) {
            Some(status) => change(tx, order_id, status, &Trace::current()).await,
            None => Ok(()),
        }
    }

    /// What the provider says, with the event that tells of it. Returns what the payment is now, or `None` if the news
    /// come late.
    pub async fn settle(&self, payment: &Payment, news: News) -> Result<Option<Status>, Error> {
        let mut connection = self.pool.acquire().await?;
        let mut payment = *payment;
        while let Some(status) = payment.status.after(news) {
            if self.write(&mut connection, &Payment { status, ..payment }).await? {
                return Ok(Some(status));
            }
            // It was called off while the provider was asked.
            (payment.status, payment.version) = standing(&mut connection, payment.id).await?;
        }
        Ok(None)
    }

    /// The new status, and what is told of it, in one statement; returns whether nothing has changed since that version.
    async fn write(&self, connection: &mut Connection, payment: &Payment) -> Result<bool, Error> {
        let event = messages::event_of(&self.outbox, payment);
        let event = event.as_ref();
        let written = query!(
            "with payment as (
                 update payments
                 set status = $3, version = version + 1, updated_at = now(), due_at = case when $4 then now() end
                 where id = $1 and version = $2
                 returning id, order_id, version, status
             ), told as (
                 insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
                 select $5::uuid, order_id, $6, $7, $8, $9, $10 from payment where $5 is not null
             )
             insert into payment_changes (payment_id, version, status) select id, version, status from payment",
            payment.id.0,
            payment.version,
            payment.status.as_str(),
            payment.status.task().is_some(),
            event.map(|event| event.id),
            event.map(|event| &*event.kind),
            event.map(|event| event.time),
            event.map(|event| &*event.data),
            event.and_then(|event| event.traceparent.as_deref()),
            event.and_then(|event| event.tracestate.as_deref()),
        )
        .execute(connection)
        .await;
        self.outbox.wake();
        Ok(written?.rows_affected() == 1)
    }
}

async fn standing(connection: &mut Connection, id: PaymentId) -> Result<(Status, i64), Error> {
    let row = query!("select status, version from payments where id = $1", id.0).fetch_one(connection).await?;
    Ok((Status::parse(&row.status)?, row.version))
}

/// Whether there was no payment: then there will be none. Waits for one that is just being written.
async fn never_pay(connection: &mut Connection, order_id: OrderId) -> Result<bool, Error> {
    let written = query!(
        "with payment as (
             insert into payments (id, order_id, status) values ($1, $2, 'called_off')
             on conflict on constraint payments_one_for_each_order do nothing
             returning id, version, status
         )
         insert into payment_changes (payment_id, version, status) select id, version, status from payment",
        PaymentId::generate().0,
        order_id.0,
    )
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}

async fn lock(connection: &mut Connection, order_id: OrderId) -> Result<Locked, Error> {
    let row = query!("select status, attempts from payments where order_id = $1 for update", order_id.0)
        .fetch_one(connection)
        .await?;
    Ok(Locked { status: Status::parse(&row.status)?, attempts: row.attempts })
}

/// What is left to do is due at once, whoever had put it off. It is a part of `trace` from now on, if there is one.
async fn change(connection: &mut Connection, order_id: OrderId, status: Status, trace: &Trace) -> Result<(), Error> {
    query!(
        "with payment as (
             update payments
             set status = $2, version = version + 1, updated_at = now(), due_at = case when $3 then now() end,
                 traceparent = coalesce($4, traceparent),
                 tracestate = case when $4 is null then tracestate else $5 end
             where order_id = $1
             returning id, version, status
         )
         insert into payment_changes (payment_id, version, status) select id, version, status from payment",
        order_id.0,
        status.as_str(),
        status.task().is_some(),
        trace.parent,
        trace.state,
    )
    .execute(connection)
    .await?;
    Ok(())
}
