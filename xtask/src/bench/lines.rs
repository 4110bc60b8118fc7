//! How many round trips to the databases a request makes, by how many lines the order has: counted on the wire.

use anyhow::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    builds::Build,
    customer::Customer,
    shop::Shop,
    table::Table,
    trips::{Needed, Tapped},
};

const LINES: [usize; 3] = [1, 10, 100];

const WHAT: [&str; 5] =
    ["place an order", "the same with an idempotency key", "get an order", "list 20 orders", "cancel an order"];

pub async fn run(build: &Build, shop: &mut Shop<'_>) -> anyhow::Result<Value> {
    let tapped = Tapped::listen(shop, build).await?;
    let customer = Customer::sign_up(&shop.url()).await?;
    let skus = skus(shop, LINES[2]).await?;
    let mut needed = Vec::new();
    for lines in LINES {
        needed.push(ask(&tapped, &customer, &skus[..lines]).await?);
    }
    shop.change_to(build).await?;
    shop.quiet().await?;
    print(&needed);
    let counts = |index: usize| needed.iter().map(|needed| needed[index].count()).collect::<Vec<_>>();
    Ok(
        json!({ "lines": LINES, "trips": (0..WHAT.len()).map(|index| (WHAT[index], counts(index))).collect::<Vec<_>>() }),
    )
}

/// Some of the same currency.
pub async fn skus(shop: &Shop<'_>, count: usize) -> anyhow::Result<Vec<String>> {
    let mut database = shop.cluster.postgres.connect_to_orders().await?;
    let skus = sqlx::query_scalar("select sku from products where currency = 'EUR' order by sku limit $1");
    let skus: Vec<String> = skus.bind(i64::try_from(count)?).fetch_all(&mut database).await?;
    anyhow::ensure!(skus.len() == count, "there are only {} products", skus.len());
    Ok(skus)
}

async fn ask(tapped: &Tapped, customer: &Customer, skus: &[String]) -> anyhow::Result<[Needed; WHAT.len()]> {
    let mut placed = Vec::new();
    let place = async || {
        placed.push(customer.place(skus, None).await?);
        Ok(())
    };
    let place = tapped.least(place).await?;
    let with_key = tapped.least(async || customer.place(skus, Some(Uuid::new_v4())).await.map(drop)).await?;
    let last = placed.last().context("some were placed")?.clone();
    let get = tapped.least(async || customer.get(&format!("/v1/orders/{last}")).await.map(drop)).await?;
    let list =
        tapped.least(async || customer.get(&format!("/v1/users/{}/orders", customer.id)).await.map(drop)).await?;
    let cancel = async || {
        let order = placed.pop().context("as many were placed")?;
        customer.post(&format!("/v1/orders/{order}/cancel"), &json!({})).await.map(drop)
    };
    Ok([place, with_key, get, list, tapped.least(cancel).await?])
}

fn print(needed: &[[Needed; WHAT.len()]]) {
    println!("\n### Round trips to the databases, by lines of the order (counted on the wire)\n");
    let head = ["request".to_owned()].into_iter().chain(["1 line", "10 lines", "100 lines"].map(str::to_owned));
    let mut table = Table::new(head);
    for (index, what) in WHAT.iter().enumerate() {
        let cell = |needed: &[Needed; WHAT.len()]| {
            let Needed { users, orders } = &needed[index];
            let users = if users.is_empty() { String::new() } else { format!(" and {} of users", users.len()) };
            format!("{}{users}", orders.len())
        };
        table.row([(*what).to_owned()].into_iter().chain(needed.iter().map(cell)));
    }
    println!("{table}");
    println!("Of an order of {} lines:\n", LINES[1]);
    for (number, trip) in needed[1][0].orders.iter().enumerate() {
        let statements: Vec<_> = trip.statements.iter().map(|it| shortened(&it.sql)).collect();
        println!("{}. {}", number + 1, statements.join(" — "));
    }
    println!();
}

/// In one line, and not all of a long one.
fn shortened(sql: &str) -> String {
    let words: Vec<_> = sql.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("`{} …`", &line[..end]),
        None => format!("`{line}`"),
    }
}
