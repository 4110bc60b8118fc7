//! One of everything that a client can get: each route, and each way in which a request goes wrong.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::{join, time::Instant};

use crate::drill::{
    load::{Clientele, Customer, Request, new_email},
    poison::{self, is},
};
use crate::{
    cluster::{Cluster, Instance, Sample, client},
    patience::until,
};

/// Nobody else orders it.
const SOLD_OUT: &str = "BEAM-OAK";

/// By somebody who is known to both instances then.
const ORDERS: usize = 8;

/// Less than orders would believe by itself that an account is there.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

const DECIDED_WITHIN: Duration = Duration::from_secs(30);

/// What is counted, and of which label with which value: what fails has a type of error besides.
type Failure = (&'static str, &'static str, &'static str);

const CONFIRM_ACCOUNT: &str = "users.v1.UsersService/ConfirmAccount";
const SERVED: Failure = ("rpc_server_call_duration_seconds_count", "rpc_method", CONFIRM_ACCOUNT);
const CALLED: Failure = ("rpc_client_call_duration_seconds_count", "rpc_method", CONFIRM_ACCOUNT);
const PUBLISHED: Failure =
    ("messaging_client_operation_duration_seconds_count", "messaging_destination_name", "orders.v1.OrderPlaced");

/// Less than the gateway would wait.
const IMPATIENCE: Duration = Duration::from_millis(300);

const WITHOUT_STOCK: &str = "update products set stock = 0 where sku = $1";

pub async fn everywhere(cluster: &mut Cluster, clientele: &Clientele) -> anyhow::Result<()> {
    let mut database = cluster.postgres.connect_to("orders").await?;
    sqlx::query(WITHOUT_STOCK).bind(SOLD_OUT).execute(&mut database).await?;
    for request in public().into_iter().chain(refused(clientele)) {
        clientele.send(&request, Instant::now()).await.succeeded()?;
    }
    an_account(clientele).await?;
    an_order(clientele).await?;
    a_declined_order(clientele).await?;
    too_late(cluster, clientele).await?;
    what_goes_wrong_later(cluster, clientele).await
}

fn public() -> [Request; 5] {
    ["/v1/products", "/v1/products/BOX-OAK", "/.well-known/jwks.json", "/openapi.json", "/docs/"].map(Request::get)
}

/// What a client gets wrong, by its own fault or not.
fn refused(clientele: &Clientele) -> Vec<Request> {
    let (customer, other) = (clientele.customer(0), clientele.customer(1));
    let account = format!("/v1/users/{}", customer.id);
    let order = |items: Value| Request::post("/v1/orders", Some(json!({ "items": items }))).by(customer);
    let hoped_for = |request, hoped_for| Request { hoped_for, ..request };
    let patch = Request { method: Method::PATCH, body: Some(json!({})), ..Request::get(&account) }.by(customer);
    vec![
        hoped_for(Request::get("/nowhere"), StatusCode::NOT_FOUND),
        hoped_for(Request::get("/v1/products/NO-SUCH"), StatusCode::NOT_FOUND),
        hoped_for(Request::get("/v1/sessions"), StatusCode::METHOD_NOT_ALLOWED),
        hoped_for(Request::get(&account), StatusCode::UNAUTHORIZED),
        hoped_for(Request::get(&account).by(other), StatusCode::NOT_FOUND),
        hoped_for(Request::sign_in(&new_email()), StatusCode::UNAUTHORIZED),
        hoped_for(Request::sign_up(&customer.email), StatusCode::CONFLICT),
        hoped_for(Request::sign_up("nobody"), StatusCode::BAD_REQUEST),
        hoped_for(patch, StatusCode::PRECONDITION_REQUIRED),
        hoped_for(Request::place(SOLD_OUT).by(customer), StatusCode::CONFLICT),
        hoped_for(Request::place("NO-SUCH").by(customer), StatusCode::BAD_REQUEST),
        hoped_for(order(json!([])), StatusCode::BAD_REQUEST),
        hoped_for(order(json!("none")), StatusCode::BAD_REQUEST),
    ]
}

/// From its beginning to its end.
async fn an_account(clientele: &Clientele) -> anyhow::Result<()> {
    let grace = clientele.newcomer().await?;
    let body = Some(json!({ "display_name": "Grace" }));
    let own = |method| Request { method, ..Request::get(format!("/v1/users/{}", grace.id)) }.by(&grace);
    clientele.expect(&Request { body, ..own(Method::PATCH) }.with("if-match", "*")).await?;
    // So many that each instance of orders has confirmed the account, …
    for _ in 0..ORDERS {
        clientele.expect(&Request::place("BOX-OAK").by(&grace)).await?;
    }
    let gone = Request { hoped_for: StatusCode::NO_CONTENT, ..own(Method::DELETE) };
    clientele.send(&gone, Instant::now()).await.succeeded()?;
    // … and each hears that it is gone.
    let refused = async || nobody_serves(clientele, &grace).await;
    until("a deleted account orders nothing", HEARD_WITHIN, refused).await.map(drop)
}

async fn nobody_serves(clientele: &Clientele, customer: &Customer) -> bool {
    for _ in 0..ORDERS {
        let order = Request { hoped_for: StatusCode::UNAUTHORIZED, ..Request::place("BOX-OAK") }.by(customer);
        if clientele.send(&order, Instant::now()).await.has_failed() {
            return false;
        }
    }
    true
}

/// From its beginning to its end, which is a refund.
async fn an_order(clientele: &Clientele) -> anyhow::Result<()> {
    let customer = clientele.customer(0);
    let place = Request::place("BOX-OAK").by(customer);
    let order = clientele.expect(&place).await?;
    let other = Request { idempotency_key: place.idempotency_key.clone(), ..Request::place("HOOK-OAK") };
    let reused = Request { hoped_for: StatusCode::UNPROCESSABLE_ENTITY, ..other.by(customer) };
    clientele.send(&reused, Instant::now()).await.succeeded()?;
    let id = order["id"].as_str().context("an order has an id")?;
    for path in [format!("/v1/orders/{id}"), format!("/v1/users/{}/orders", customer.id)] {
        clientele.expect(&Request::get(path).by(customer)).await?;
    }
    until("it is confirmed", DECIDED_WITHIN, async || is(clientele, customer, id, "confirmed").await).await?;
    let events = Request::get(format!("/v1/orders/{id}/events")).by(customer);
    // The stream ends with what it tells of an order that is settled.
    clientele.send(&events, Instant::now()).await.succeeded()?;
    clientele.expect(&Request::cancel(id).by(customer)).await?;
    let again = Request { hoped_for: StatusCode::CONFLICT, ..Request::cancel(id).by(customer) };
    clientele.send(&again, Instant::now()).await.succeeded()
}

/// Nobody can look into two tables for a while: who waits for them is told that it is too late, or gives up before.
async fn too_late(cluster: &Cluster, clientele: &Clientele) -> anyhow::Result<()> {
    // Whose account nobody has confirmed.
    let newcomer = clientele.newcomer().await?;
    let mut orders = cluster.postgres.connect_to("orders").await?;
    let mut users = cluster.postgres.connect_to("users").await?;
    let (mut orders, mut users) = (orders.begin().await?, users.begin().await?);
    sqlx::query("lock table products in access exclusive mode").execute(&mut *orders).await?;
    sqlx::query("lock table users in access exclusive mode").execute(&mut *users).await?;
    let late = |request| Request { hoped_for: StatusCode::GATEWAY_TIMEOUT, ..request };
    let browse = late(Request::get("/v1/products"));
    let place = late(Request::place("BOX-OAK").by(&newcomer));
    let (browsed, placed, given_up) = join!(
        clientele.send(&browse, Instant::now()),
        clientele.send(&place, Instant::now()),
        give_up(cluster.gateways[0].address()),
    );
    browsed.succeeded()?;
    placed.succeeded()?;
    given_up
}

/// What costs more than the provider of payments allows.
async fn a_declined_order(clientele: &Clientele) -> anyhow::Result<()> {
    let customer = clientele.customer(0);
    let body = Some(json!({ "items": [{ "sku": "JOIST-OAK", "quantity": 100 }] }));
    let order = clientele.expect(&Request { body, ..Request::place("JOIST-OAK") }.by(customer)).await?;
    let id = order["id"].as_str().context("an order has an id")?;
    until("it is rejected", DECIDED_WITHIN, async || is(clientele, customer, id, "rejected").await).await.map(drop)
}

/// A call of users that fails, and an event that cannot be published for a while. From then on the provider of payments has
/// bad days only, and payments has little patience with what it cannot handle.
async fn what_goes_wrong_later(cluster: &mut Cluster, clientele: &Clientele) -> anyhow::Result<()> {
    let newcomer = clientele.newcomer().await?;
    let place = Request::place("BOX-OAK").by(&newcomer);
    cluster.postgres.users.hang_up().await?;
    let not_confirmed = async || {
        clientele.send(&place, Instant::now()).await;
        has_failed(&cluster.users, SERVED).await && has_failed(&cluster.orders, CALLED).await
    };
    until("an account cannot be confirmed", DECIDED_WITHIN, not_confirmed).await?;
    cluster.postgres.let_everybody_in().await?;
    let placed = async || !clientele.send(&place, Instant::now()).await.has_failed();
    until("all is well again", DECIDED_WITHIN, placed).await?;

    cluster.nats.kill().await?;
    clientele.expect(&Request::place("BOX-OAK").by(clientele.customer(0))).await?;
    let not_published = async || has_failed(&cluster.orders, PUBLISHED).await;
    until("an event cannot be published", DECIDED_WITHIN, not_published).await?;
    cluster.nats.start().await?;

    let bad_days = [("PROVIDER_DECLINE_RATE", "0.2"), ("PROVIDER_FAILURE_RATE", "0.2"), ("EVENTS_MAX_DELIVER", "1")];
    cluster.restart_payments(&bad_days).await?;
    poison::publish(cluster).await?;
    poison::is_set_aside(cluster, 1).await.map(drop)
}

/// Whether one of these instances shows that something of this kind has failed.
async fn has_failed(instances: &[Instance], (metric, of, which): Failure) -> bool {
    for instance in instances {
        let samples = instance.metrics().await.unwrap_or_default();
        let label = |sample: &Sample, name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        let is_one = |sample: &Sample| {
            sample.name == metric && label(sample, of) == which && !label(sample, "error_type").is_empty()
        };
        if samples.iter().any(is_one) {
            return true;
        }
    }
    false
}

/// Errors: there was an answer before the client's patience was at its end.
async fn give_up(gateway: SocketAddr) -> anyhow::Result<()> {
    let answer = client(IMPATIENCE)?.get(format!("http://{gateway}/v1/products")).send().await;
    ensure!(answer.is_err_and(|error| error.is_timeout()), "products are shown in spite of a lock");
    Ok(())
}
