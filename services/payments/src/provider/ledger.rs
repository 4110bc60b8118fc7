//! The simulated provider's ledger: one line for each key, and a log of who asked for what.

use database::Pool;
use sqlx::{Error, query, query_scalar};
use uuid::Uuid;

use super::{Charge, Standing};

#[derive(Clone)]
pub struct Ledger {
    pool: Pool,
}

#[derive(Clone, Copy)]
pub enum Attempt {
    Charge,
    Cancel,
}

/// Whether the merchant will be told.
#[derive(Clone, Copy)]
pub enum Answered {
    Yes,
    Lost,
}

impl Answered {
    fn is_lost(self) -> bool {
        matches!(self, Self::Lost)
    }
}

impl Ledger {
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Writes the verdict, unless the key has a line; says how it stands. Of two who ask at once, one waits here.
    pub async fn charge(
        &self,
        key: Uuid,
        charge: &Charge,
        verdict: Standing,
        answered: Answered,
    ) -> Result<Standing, Error> {
        let mut connection = self.pool.acquire().await?;
        let standing = query_scalar!(
            r#"with line as (
                 insert into provider.ledger (key, reference, amount, currency, status) values ($1, $2, $3, $4, $5)
                 on conflict on constraint ledger_pkey do update set key = excluded.key
                 returning status
             )
             insert into provider.attempts (key, kind, outcome)
             select $1, 'charge', case when $6 then 'lost' else status end from line
             returning (select status from line) as "status!""#,
            key,
            charge.reference,
            charge.amount,
            charge.currency,
            as_str(verdict),
            answered.is_lost(),
        )
        .fetch_one(&mut connection)
        .await?;
        parse(&standing)
    }

    /// Refunds what is captured, blocks what is not there; says how the key stands.
    pub async fn cancel(&self, key: Uuid, answered: Answered) -> Result<Standing, Error> {
        let mut connection = self.pool.acquire().await?;
        let standing = query_scalar!(
            r#"with line as (
                 insert into provider.ledger as ledger (key, status) values ($1, 'blocked')
                 on conflict on constraint ledger_pkey do update
                 set status = case ledger.status when 'captured' then 'refunded' else ledger.status end,
                     updated_at = now()
                 returning status
             )
             insert into provider.attempts (key, kind, outcome)
             select $1, 'cancel', case when $2 then 'lost' when status = 'refunded' then status else 'voided' end from line
             returning (select status from line) as "status!""#,
            key,
            answered.is_lost(),
        )
        .fetch_one(&mut connection)
        .await?;
        parse(&standing)
    }

    /// Somebody asked, and nothing came of it.
    pub async fn failed(&self, key: Uuid, attempt: Attempt) -> Result<(), Error> {
        let kind = match attempt {
            Attempt::Charge => "charge",
            Attempt::Cancel => "cancel",
        };
        let mut connection = self.pool.acquire().await?;
        query!("insert into provider.attempts (key, kind, outcome) values ($1, $2, 'failed')", key, kind)
            .execute(&mut connection)
            .await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn as_str(standing: Standing) -> &'static str {
    match standing {
        Standing::Captured => "captured",
        Standing::Declined => "declined",
        Standing::Refunded => "refunded",
        Standing::Blocked => "blocked",
    }
}

fn parse(text: &str) -> Result<Standing, Error> {
    match text {
        "captured" => Ok(Standing::Captured),
        "declined" => Ok(Standing::Declined),
        "refunded" => Ok(Standing::Refunded),
        "blocked" => Ok(Standing::Blocked),
        _ => Err(Error::Decode(format!("{text} is no standing").into())),
    }
}
