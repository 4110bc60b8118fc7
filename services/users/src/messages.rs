//! What the users service tells the world.

use database::Transaction;
use events::Outbox;
use proto::users::v1 as pb;

use crate::domain::UserId;

/// The account is gone, once this transaction is committed.
pub async fn tell_deleted(outbox: &Outbox, transaction: &mut Transaction, id: UserId) -> Result<(), sqlx::Error> {
    outbox.put(transaction, id.0, &pb::UserDeleted { user_id: id.0.to_string() }).await
}
