//! What the orders service does.

use futures::stream::BoxStream;
use identity::Caller;

use crate::{
    clients::Users,
    domain::{IdempotencyKey, NewOrder, Order, OrderId, Page, PageSize, Product, Sku, UserId},
    error::Error,
    metrics::Metrics,
    policy,
    store::{Placed, Store},
    watchers::Watchers,
};

#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub users: Users,
    pub metrics: Metrics,
    pub watchers: Watchers,
}

impl App {
    pub async fn products(&self, size: PageSize, after: Option<Sku>) -> Result<Page<Product, Sku>, Error> {
        self.store.products(size, after.as_ref()).await
    }

    pub async fn product(&self, sku: &Sku) -> Result<Product, Error> {
        self.store.find_product(sku).await?.ok_or(Error::NoSuchProduct)
    }

    /// The account is confirmed first: a remote call has no place inside a transaction.
    pub async fn place(&self, caller: &Caller, order: NewOrder, key: Option<IdempotencyKey>) -> Result<Order, Error> {
        let customer = policy::customer(caller)?;
        self.users.confirm_account(caller, customer).await.inspect_err(|error| self.metrics.rejected(error))?;
        let placed = self.store.place(customer, &order, key.as_ref()).await;
        match placed.inspect_err(|error| self.metrics.rejected(error))? {
            Placed::Now(order) => {
                self.metrics.placed(&order);
                Ok(order)
            }
            Placed::Before(order) => Ok(order),
        }
    }

    pub async fn get(&self, caller: &Caller, id: OrderId) -> Result<Order, Error> {
        self.store.find(policy::own(caller)?, id).await?.ok_or(Error::NoSuchOrder)
    }

    pub async fn list(
        &self,
        caller: &Caller,
        owner: UserId,
        size: PageSize,
        after: Option<OrderId>,
    ) -> Result<Page<Order, OrderId>, Error> {
        self.store.orders(policy::own_of(caller, owner)?, size, after).await
    }

    pub async fn cancel(&self, caller: &Caller, id: OrderId) -> Result<Order, Error> {
        let changed = self.store.cancel(policy::own(caller)?, id).await?;
        self.metrics.changed(&changed);
        Ok(changed.order)
    }

    /// The versions of an order after this one, as they happen.
    pub async fn watch(
        &self,
        caller: &Caller,
        id: OrderId,
        after: i64,
    ) -> Result<BoxStream<'static, Result<Order, Error>>, Error> {
        let user_id = policy::own(caller)?;
        let seat = self.watchers.sit(id)?;
        let order = self.store.find(user_id, id).await?.ok_or(Error::NoSuchOrder)?;
        Ok(seat.watch(self.store.clone(), order, after))
    }
}
