//! What is printed when the shop is open.

use std::time::Duration;

use crate::{demo::Demo, servers::Addresses};

#[expect(clippy::print_stdout, reason = "this is what the command is typed for")]
pub fn print(addresses: &[Addresses], demo: Option<&Demo>, took: Duration) {
    println!("{}", text(addresses, demo, took));
}

fn text(addresses: &[Addresses], demo: Option<&Demo>, took: Duration) -> String {
    let [Addresses { gateway, users, users_http, orders }, others @ ..] = addresses else { return String::new() };
    let others: String = others.iter().map(replica).collect();
    let seconds = took.as_secs_f64();
    let demo = demo
        .map_or(String::new(), |Demo { email, password }| format!("\n  demo account {email}, password \"{password}\""));
    format!(
        r#"
Joist is open, {seconds:.1} s after it was asked to.

  API          http://{gateway}/v1/products
  try it       http://{gateway}/docs
  gRPC         users {users}, orders {orders} (with reflection)
  token keys   http://{users_http}/.well-known/jwks.json{others}{demo}

Sign up, get a token, place an order (paste it into another terminal):

  API=http://{gateway}
  curl -s $API/v1/users -H 'content-type: application/json' \
    -d '{{"email":"ada@example.com","display_name":"Ada","password":"correct horse"}}'; echo
  TOKEN=$(curl -s $API/v1/sessions -H 'content-type: application/json' \
    -d '{{"email":"ada@example.com","password":"correct horse"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s $API/v1/orders -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d '{{"items":[{{"sku":"TABLE-OAK","quantity":1}},{{"sku":"CHAIR-OAK","quantity":6}}]}}'; echo

Ctrl-C closes it; the next `cargo up` continues where this one ends.
"#
    )
}

fn replica(addresses: &Addresses) -> String {
    let Addresses { gateway, users, users_http: _, orders } = addresses;
    format!("\n  and          gateway {gateway}, users {users}, orders {orders}")
}
