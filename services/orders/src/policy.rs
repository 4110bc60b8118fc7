//! Who may do what with orders: what each call asks of a token, and whose orders it may be about.

use identity::{
    Access::{Public, Scope},
    Caller, Policy,
};

use crate::{domain::UserId, error::Error};

/// What each call asks.
pub const CALLS: Policy = &[
    ("orders.v1.CatalogService/ListProducts", Public),
    ("orders.v1.CatalogService/GetProduct", Public),
    ("orders.v1.OrdersService/PlaceOrder", Scope("orders:write")),
    ("orders.v1.OrdersService/GetOrder", Scope("orders:read")),
    ("orders.v1.OrdersService/ListOrders", Scope("orders:read")),
    ("orders.v1.OrdersService/CancelOrder", Scope("orders:write")),
    ("orders.v1.OrdersService/WatchOrder", Scope("orders:read")),
];

/// Whose order it is to be. A program that acts in its own name buys nothing.
pub fn customer(caller: &Caller) -> Result<UserId, Error> {
    caller.user().map(UserId).ok_or(Error::NoCustomer)
}

/// Whose orders the caller may see and change: their own. Anybody else's look like none at all, and a program that acts in
/// its own name has none.
pub fn own(caller: &Caller) -> Result<UserId, Error> {
    caller.user().map(UserId).ok_or(Error::NoSuchOrder)
}

/// The same, of orders that are said to be somebody's.
pub fn own_of(caller: &Caller, owner: UserId) -> Result<UserId, Error> {
    own(caller).and_then(|own| if own == owner { Ok(own) } else { Err(Error::NoSuchOrder) })
}
