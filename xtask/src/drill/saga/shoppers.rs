//! Customers who do not give up: each sends its order again, with the same key, until the shop has acknowledged it, and
//! calls some of them off at a random moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use fastrand::Rng;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::wait_for_up_to;
use crate::drill::load::{Answer, Clientele, Request};

const SHOPPERS: usize = 32;

/// Between two orders of one of them, at most; an average day, or they were done before everybody was killed.
const PAUSE: Duration = Duration::from_millis(1000);

/// Before a request is sent again, at most.
const PATIENCE: Duration = Duration::from_millis(400);

/// After that, it is the shop that is broken.
const GIVES_UP_AFTER: Duration = Duration::from_secs(90);

/// Shares of the orders.
const CALLED_OFF: f64 = 0.1;
const ASKED_FOR_AGAIN: f64 = 0.1;

/// From its acknowledgement, at most: before, while and after it is paid.
const CALLED_OFF_WITHIN: Duration = Duration::from_millis(400);

const SKUS: [&str; 6] = ["BOX-OAK", "HOOK-OAK", "CHAIR-ASH", "TABLE-OAK", "SHELF-PINE", "STOOL-LARCH"];

/// What the shop has told its customers.
#[derive(Default)]
pub struct Told {
    /// What it has acknowledged: orders, and that they are called off.
    pub orders: BTreeSet<Uuid>,
    pub called_off: BTreeSet<Uuid>,
    pub sent_again: usize,
    /// Orders that were asked for with the same key after they had been acknowledged.
    pub confirmed_again: usize,
    /// Answers after which a request was sent again, by what they were.
    excuses: BTreeMap<String, usize>,
}

impl Told {
    pub fn excuses(&self) -> String {
        let counts: Vec<_> = self.excuses.iter().map(|(excuse, count)| format!("{excuse}: {count}")).collect();
        counts.join(", ")
    }

    /// How often the shop has said that it does not know what it is doing.
    pub fn faults(&self) -> usize {
        self.excuses.get(StatusCode::INTERNAL_SERVER_ERROR.as_str()).copied().unwrap_or(0)
    }
}

pub struct Shoppers {
    shopping: JoinSet<anyhow::Result<()>>,
    told: Arc<Mutex<Told>>,
}

impl Shoppers {
    /// They go on until they have placed so many orders, and this moment has come.
    pub fn start(clientele: &Arc<Clientele>, rng: &mut Rng, orders: usize, until: Instant) -> Self {
        let (mut shopping, told, begun) = (JoinSet::new(), Arc::default(), Arc::<AtomicUsize>::default());
        for number in 0..SHOPPERS {
            let token = clientele.customer(number).token.clone();
            let (clientele, told) = (clientele.clone(), Arc::clone(&told));
            let mut shopper = Shopper { clientele, number, token, rng: rng.fork(), told };
            let begun = begun.clone();
            shopping.spawn(async move {
                while begun.fetch_add(1, Ordering::Relaxed) < orders || Instant::now() < until {
                    wait_for_up_to(&mut shopper.rng, PAUSE).await;
                    shopper.shop().await?;
                }
                Ok(())
            });
        }
        Self { shopping, told }
    }

    /// How many orders were acknowledged so far, whenever it is asked for.
    pub fn served(&self) -> impl Fn() -> usize + use<> {
        let told = self.told.clone();
        move || told.lock().unwrap_or_else(PoisonError::into_inner).orders.len()
    }

    /// Returns when all of them have what they wanted. Errors: one of them gave up, or was told what it did not ask for.
    pub async fn come_home(mut self) -> anyhow::Result<Told> {
        while let Some(ended) = self.shopping.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

struct Shopper {
    clientele: Arc<Clientele>,
    number: usize,
    /// Another when the first is too old.
    token: String,
    rng: Rng,
    told: Arc<Mutex<Told>>,
}

impl Shopper {
    async fn shop(&mut self) -> anyhow::Result<()> {
        let sku = SKUS[self.rng.usize(..SKUS.len())];
        let body = Some(json!({ "items": [{ "sku": sku, "quantity": self.rng.u32(1..=3) }] }));
        let place = Request { body, ..Request::place(sku) };
        let order = self.order(&place).await?;
        self.tell(|told| told.orders.insert(order));
        if self.rng.f64() < ASKED_FOR_AGAIN {
            let again = self.order(&place).await?;
            ensure!(again == order, "the key of {order} has given {again}");
            self.tell(|told| told.confirmed_again += 1);
        }
        if self.rng.f64() < CALLED_OFF {
            wait_for_up_to(&mut self.rng, CALLED_OFF_WITHIN).await;
            // Nobody can say whether a conflict is the shop's decision or our own first try.
            let answer = self.insist(&Request::cancel(&order.to_string()), &[StatusCode::CONFLICT]).await?;
            if answer.status == StatusCode::OK {
                self.tell(|told| told.called_off.insert(order));
            }
        }
        Ok(())
    }

    async fn order(&mut self, place: &Request) -> anyhow::Result<Uuid> {
        let answer = self.insist(place, &[]).await?;
        let order: Value = serde_json::from_slice(&answer.body)?;
        Ok(order["id"].as_str().context("an order has an id")?.parse()?)
    }

    /// Sends a request until the answer is the one that was hoped for, or one of the others.
    ///
    /// Errors: the answer is neither, nor an excuse.
    async fn insist(&mut self, request: &Request, others: &[StatusCode]) -> anyhow::Result<Answer> {
        let began = Instant::now();
        while began.elapsed() < GIVES_UP_AFTER {
            let excuse = match self.clientele.ask(request, &self.token).await {
                Ok(answer) if answer.status == request.hoped_for || others.contains(&answer.status) => {
                    return Ok(answer);
                }
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                    self.sign_in().await?;
                    continue;
                }
                Ok(answer) if answer.status.is_server_error() => answer.status.as_str().to_owned(),
                Ok(answer) => bail!("{} {}: {}", request.method, request.path, answer.text()),
                Err(_) => "no answer".to_owned(),
            };
            self.tell(|told| {
                told.sent_again += 1;
                *told.excuses.entry(excuse).or_default() += 1;
            });
            wait_for_up_to(&mut self.rng, PATIENCE).await;
        }
        bail!("{} {}: no answer for {} s", request.method, request.path, GIVES_UP_AFTER.as_secs())
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let request = Request::sign_in(&self.clientele.customer(self.number).email);
        if let Ok(session) = self.clientele.expect(&request).await {
            self.token = session["access_token"].as_str().context("a session has a token")?.to_owned();
        } else {
            wait_for_up_to(&mut self.rng, PATIENCE).await;
        }
        Ok(())
    }

    fn tell<T>(&self, tell: impl FnOnce(&mut Told) -> T) {
        tell(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
