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
        let mut tx = self.pool.begin(None).await?;
        let locked = lock(&mut tx, payment.order_id).await?;
        let Some(status) = locked.status.after(news) else { return Ok(None) };
        change(&mut tx, payment.order_id, status, &Trace { parent: None, state: None }).await?;
        messages::tell(&self.outbox, &mut tx, &Payment { status, ..*payment }).await?;
        self.outbox.commit(tx).await?;
        Ok(Some(status))
    }
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
