//! The customers, and how they talk to the shop.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Mix, Outcome, Request,
    balancer::{Answer, Balancer},
    request::{Activity, new_email},
};

const CUSTOMERS: usize = 8;

pub struct Clientele {
    balancer: Balancer,
    customers: Arc<Vec<Customer>>,
}

/// Somebody who is signed in.
pub struct Customer {
    pub id: String,
    pub email: String,
    pub token: String,
    /// What was ordered and not cancelled, oldest first.
    orders: Mutex<VecDeque<String>>,
}

impl Clientele {
    /// Signs some customers up, who place an order each.
    pub async fn gather(gateways: &[SocketAddr]) -> anyhow::Result<Arc<Self>> {
        let nobody = Self { balancer: Balancer::new(gateways)?, customers: Arc::default() };
        let mut customers = Vec::new();
        for _ in 0..CUSTOMERS {
            customers.push(nobody.newcomer().await?);
        }
        let clientele = Self { customers: Arc::new(customers), ..nobody };
        for number in 0..CUSTOMERS {
            clientele.expect(&clientele.request(&[(Activity::PlaceOrder, 100)], number)).await?;
        }
        Ok(Arc::new(clientele))
    }

    /// Somebody whom nobody can remember, and who is none of the customers.
    pub async fn newcomer(&self) -> anyhow::Result<Customer> {
        let email = new_email();
        let user = self.expect(&Request::sign_up(&email)).await?;
        let session = self.expect(&Request::sign_in(&email)).await?;
        let (id, token) = (string(&user, "id")?, string(&session, "access_token")?);
        Ok(Customer { id, email, token, orders: Mutex::default() })
    }

    /// The same customers, who use these gateways only.
    pub fn through(&self, gateways: &[SocketAddr]) -> anyhow::Result<Self> {
        Ok(Self { balancer: Balancer::new(gateways)?, customers: self.customers.clone() })
    }

    /// The next request of a mix; customers take turns.
    pub fn request(&self, mix: Mix, number: usize) -> Request {
        Request::new(Activity::of(mix, number), self.customer(number), number)
    }

    pub fn customer(&self, number: usize) -> &Customer {
        &self.customers[number % self.customers.len()]
    }

    /// Sends a request that nothing should keep from succeeding. Returns the answer's body.
    pub async fn expect(&self, request: &Request) -> anyhow::Result<Value> {
        let answer = self.balancer.send(request).await.with_context(|| format!("no answer to {}", request.path))?;
        ensure!(answer.status == request.hoped_for, "{}: {}", request.path, answer.text());
        self.remember(&answer);
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Sends a request, whatever comes of it.
    pub async fn send(&self, request: &Request, meant_for: Instant) -> Outcome {
        let answer = self.balancer.send(request).await;
        let latency = meant_for.elapsed();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let trouble = match answer {
            Ok(answer) if answer.status == request.hoped_for => {
                self.remember(&answer);
                None
            }
            Ok(answer) => Some(format!("{} {}: {}", request.method, request.path, answer.text())),
            Err(error) => Some(format!("{} {}: {error:#}", request.method, request.path)),
        };
        Outcome { kind: request.kind, began: meant_for, latency, status, trouble }
    }

    /// Sends a request with this token, and returns any answer. Errors: there is none.
    pub async fn ask(&self, request: &Request, token: &str) -> anyhow::Result<Answer> {
        self.balancer.send(&Request { token: Some(token.to_owned()), ..request.clone() }).await
    }

    /// What is ordered and not cancelled, as far as it was not only asked for.
    pub fn orders(&self) -> Vec<Uuid> {
        let ids = self.customers.iter().flat_map(|customer| customer.orders().clone());
        ids.filter_map(|id| id.parse().ok()).collect()
    }

    /// How often the other gateway was asked, since one did not answer.
    pub fn failed_over(&self) -> usize {
        self.balancer.failed_over()
    }

    /// An order that was placed is there to be looked at and cancelled.
    fn remember(&self, answer: &Answer) {
        let Some(id) = answer.location.as_deref().and_then(|path| path.strip_prefix("/v1/orders/")) else { return };
        let Ok(order) = serde_json::from_slice::<Value>(&answer.body) else { return };
        if let Some(customer) = self.customers.iter().find(|customer| order["user_id"] == *customer.id) {
            customer.orders().push_back(id.to_owned());
        }
    }
}

impl Customer {
    pub fn latest_order(&self) -> Option<String> {
        self.orders().back().cloned()
    }

    pub fn take_order(&self) -> Option<String> {
        self.orders().pop_front()
    }

    fn orders(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn string(value: &Value, field: &str) -> anyhow::Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no {field} in the answer"))?.to_owned())
}
