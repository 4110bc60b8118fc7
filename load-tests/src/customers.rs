//! The customers: accounts of their own, and tokens that are renewed before they end.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, anyhow};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::shop::{Failure, Shop};

/// A password takes a core for a while: more at once only wait for each other.
const SIGN_UPS_AT_ONCE: usize = 2;

/// Before a token ends.
const EARLY: Duration = Duration::from_secs(60);

const PASSWORD: &str = "a password of a load test";

pub struct Customers(Vec<Arc<Customer>>);

pub struct Customer {
    /// In turns.
    shops: Vec<Shop>,
    pub id: String,
    email: String,
    token: RwLock<String>,
    lifetime: Duration,
    /// One to look at, where the scenario needs one.
    pub order: Option<String>,
}

/// A customer in one of the shops.
#[derive(Clone)]
pub struct Visit {
    pub shop: Shop,
    pub customer: Arc<Customer>,
}

impl Customers {
    /// Errors: the shop is not there, or takes nobody.
    pub async fn sign_up(
        shops: &[Shop],
        number: std::num::NonZeroUsize,
        with_orders: bool,
    ) -> anyhow::Result<Arc<Self>> {
        let customers = (0..number.get()).map(|number| async move {
            let first = &shops[number % shops.len()];
            Customer::sign_up(shops, first, with_orders).await.map(Arc::new).map_err(|failure| anyhow!("{failure}"))
        });
        let customers = stream::iter(customers).buffered(SIGN_UPS_AT_ONCE).try_collect().await;
        Ok(Arc::new(Self(customers.context("nothing can be measured")?)))
    }

    /// The customer of this iteration, at the shop of this iteration.
    pub fn number(&self, iteration: usize) -> Visit {
        let customer = self.0[iteration % self.0.len()].clone();
        // Everybody comes to every shop, also where there are as many of these as of those.
        let shop = customer.shops[(iteration + iteration / self.0.len()) % customer.shops.len()].clone();
        Visit { shop, customer }
    }

    /// Renews tokens until `stop`.
    pub async fn renew(self: Arc<Self>, stop: CancellationToken) {
        let renewals = self.0.iter().map(|customer| customer.renew());
        stop.run_until_cancelled(futures::future::join_all(renewals)).await;
    }
}

impl Customer {
    async fn sign_up(shops: &[Shop], shop: &Shop, with_orders: bool) -> Result<Self, Failure> {
        let email = format!("{}@load.example", Uuid::new_v4().simple());
        let account = json!({ "email": email, "display_name": "A load test", "password": PASSWORD });
        let request = shop.request(Method::POST, "/v1/users").json(&account);
        let account = shop.json("sign up", request, StatusCode::CREATED).await?;
        let id = text(&account, "id")?;
        let (token, lifetime) = sign_in(shop, &email).await?;
        let mut customer = Self { shops: shops.to_vec(), id, email, token: RwLock::new(token), lifetime, order: None };
        if with_orders {
            customer.order = Some(customer.fill(shop).await?);
        }
        Ok(customer)
    }

    /// Some orders, of which the last is returned.
    async fn fill(&self, shop: &Shop) -> Result<String, Failure> {
        let mut last = String::new();
        for _ in 0..SOME_ORDERS {
            let request = self.request(shop, Method::POST, "/v1/orders").json(&basket());
            last = text(&shop.json("place an order", request, StatusCode::CREATED).await?, "id")?;
        }
        Ok(last)
    }

    pub fn request(&self, shop: &Shop, method: Method, path: &str) -> RequestBuilder {
        shop.request(method, path).bearer_auth(self.token.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn renew(&self) {
        let mut wait = self.lifetime.saturating_sub(EARLY).max(self.lifetime / 2);
        loop {
            sleep(wait).await;
            wait = match sign_in(&self.shops[0], &self.email).await {
                Ok((token, lifetime)) => {
                    *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
                    lifetime.saturating_sub(EARLY).max(lifetime / 2)
                }
                Err(_) => Duration::from_secs(1),
            };
        }
    }
}

/// More than a page of the scenario that pages.
const SOME_ORDERS: usize = 25;

/// Three lines of what there is most of.
pub fn basket() -> Value {
    let item = |sku: &str| json!({ "sku": sku, "quantity": 1 });
    json!({ "items": [item("HOOK-OAK"), item("DOWEL-BEECH"), item("HINGE-PINE")] })
}

async fn sign_in(shop: &Shop, email: &str) -> Result<(String, Duration), Failure> {
    let request = shop.request(Method::POST, "/v1/sessions").json(&json!({ "email": email, "password": PASSWORD }));
    let session = shop.json("sign in", request, StatusCode::CREATED).await?;
    let lifetime = session["expires_in"].as_u64().ok_or_else(|| Failure::new("sign in", "no lifetime of the token"))?;
    Ok((text(&session, "access_token")?, Duration::from_secs(lifetime)))
}

pub fn text(value: &Value, name: &str) -> Result<String, Failure> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| Failure::new("an answer", format_args!("without {name}")))
}
