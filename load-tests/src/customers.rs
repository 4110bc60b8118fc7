//! The customers: accounts of their own, and tokens that are renewed before they end.

use std::{
    num::NonZeroUsize,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, anyhow};
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    catalogue::Catalogue,
    scenarios::Scenario,
    shop::{Failure, Shop, text},
};

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
    pub catalogue: Arc<Catalogue>,
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
    /// With what they need for this scenario. Errors: the shop is not there, takes nobody, or has nothing.
    pub async fn sign_up(shops: &[Shop], number: NonZeroUsize, scenario: Scenario) -> anyhow::Result<Arc<Self>> {
        let customers = Self::try_sign_up(shops, number.get(), scenario).await;
        Ok(Arc::new(customers.map_err(|failure| anyhow!("{failure}")).context("nothing can be measured")?))
    }

    async fn try_sign_up(shops: &[Shop], number: usize, scenario: Scenario) -> Result<Self, Failure> {
        let catalogue = match scenario.places_orders() {
            true => Arc::new(Catalogue::read(&shops[0]).await?),
            false => Arc::default(),
        };
        let customers = (0..number).map(|number| {
            let (catalogue, shop) = (catalogue.clone(), &shops[number % shops.len()]);
            Customer::sign_up(shops, shop, catalogue, scenario.needs_orders()).map_ok(Arc::new)
        });
        Ok(Self(stream::iter(customers).buffered(SIGN_UPS_AT_ONCE).try_collect().await?))
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
    async fn sign_up(
        shops: &[Shop],
        shop: &Shop,
        catalogue: Arc<Catalogue>,
        with_orders: bool,
    ) -> Result<Self, Failure> {
        let email = format!("{}@load.example", Uuid::new_v4().simple());
        let account = json!({ "email": email, "display_name": "A load test", "password": PASSWORD });
        let request = shop.request(Method::POST, "/v1/users").json(&account);
        let account = shop.json("sign up", request, StatusCode::CREATED).await?;
        let id = text(&account, "id")?;
        let (token, lifetime) = sign_in(shop, &email).await?;
        let (shops, token) = (shops.to_vec(), RwLock::new(token));
        let mut customer = Self { shops, id, email, token, lifetime, catalogue, order: None };
        if with_orders {
            customer.order = Some(customer.fill(shop).await?);
        }
        Ok(customer)
    }

    /// Some orders, of which the last is returned.
    async fn fill(&self, shop: &Shop) -> Result<String, Failure> {
        let mut last = String::new();
        for _ in 0..SOME_ORDERS {
            let request = self.request(shop, Method::POST, "/v1/orders").json(&self.catalogue.basket());
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

async fn sign_in(shop: &Shop, email: &str) -> Result<(String, Duration), Failure> {
    let request = shop.request(Method::POST, "/v1/sessions").json(&json!({ "email": email, "password": PASSWORD }));
    let session = shop.json("sign in", request, StatusCode::CREATED).await?;
    let lifetime = session["expires_in"].as_u64().ok_or_else(|| Failure::new("sign in", "no lifetime of the token"))?;
    Ok((text(&session, "access_token")?, Duration::from_secs(lifetime)))
}
