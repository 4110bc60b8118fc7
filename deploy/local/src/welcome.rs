//! What is printed when the shop is open.

use std::time::Duration;

use crate::{demo::Demo, servers::Addresses};

/// Who signs up in the example, where nobody has an account yet.
const ADA: Demo = Demo { email: "ada@example.com", password: "correct horse" };

const SIGN_UP: &str = r#"  curl -s $API/v1/users -H 'content-type: application/json' \
    -d '{"email":"ada@example.com","display_name":"Ada","password":"correct horse"}'; echo
"#;

#[expect(clippy::print_stdout, reason = "this is what the command is typed for")]
pub fn print(addresses: &[Addresses], demo: Option<&Demo>, took: Duration) {
    println!("{}", text(addresses, demo, took));
}

fn text(addresses: &[Addresses], demo: Option<&Demo>, took: Duration) -> String {
    let [Addresses { gateway, users, users_http, orders }, others @ ..] = addresses else { return String::new() };
    let others: String = others.iter().map(replica).collect();
    let seconds = took.as_secs_f64();
    let account = demo
        .map_or(String::new(), |Demo { email, password }| format!("\n  demo account {email}, password \"{password}\""));
    let (sign_up, Demo { email, password }) = match demo {
        Some(demo) => ("", demo),
        None => (SIGN_UP, &ADA),
    };
    let what = if sign_up.is_empty() { "Get a token" } else { "Sign up, get a token" };
    format!(
        r#"
Joist is open, {seconds:.1} s after it was asked to.

  API          http://{gateway}/v1/products
  try it       http://{gateway}/docs
  gRPC         users {users}, orders {orders} (with reflection)
  token keys   http://{users_http}/.well-known/jwks.json
  OAuth 2      http://{gateway}/.well-known/oauth-authorization-server (client_id "demo"){others}{account}

{what}, place an order, watch it being paid (paste it into another terminal):

  API=http://{gateway}
{sign_up}  TOKEN=$(curl -s $API/v1/sessions -H 'content-type: application/json' \
    -d '{{"email":"{email}","password":"{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  ORDER=$(curl -s $API/v1/orders -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d '{{"items":[{{"sku":"TABLE-OAK","quantity":1}},{{"sku":"CHAIR-OAK","quantity":6}}]}}')
  ID=$(echo "$ORDER" | sed 's/^{{"id":"\([^"]*\)".*/\1/')
  curl -sN $API/v1/orders/$ID/events -H "authorization: Bearer $TOKEN"

Ctrl-C closes it; the next `cargo up` continues where this one ends.
"#
    )
}

fn replica(addresses: &Addresses) -> String {
    let Addresses { gateway, users, users_http: _, orders } = addresses;
    format!("\n  and          gateway {gateway}, users {users}, orders {orders}")
}
