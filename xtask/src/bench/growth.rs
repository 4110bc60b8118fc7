//! What a page of one's orders costs as the table grows: at 100,000 orders, and at 10,000,000.

mod fill;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Options,
    builds::Build,
    customer::{Crowd, Customer, text},
    meter::{Meter, of_database},
    shop::Shop,
    table::Table,
};
use crate::{
    figures::{Figures, Rounds},
    programs::NAMES,
};

/// How many people are asked for.
const CUSTOMERS: usize = 16;

const PAGES: [&str; 2] = ["first page", "page 46"];

const SERVICES: &str = "gateway and services";

pub async fn run(options: &Options, build: &Build, shop: &mut Shop<'_>) -> anyhow::Result<Value> {
    shop.change_to(build).await?;
    let mut customers = Vec::new();
    for _ in 0..CUSTOMERS {
        customers.push(Customer::sign_up(&shop.url()).await?);
    }
    let ids: Vec<_> = customers.iter().map(|customer| customer.id).collect();
    let sizes = [options.orders / 100, options.orders];
    let (mut before, mut measured) = (0, Vec::new());
    for size in sizes {
        fill::up_to(shop, before..size, &ids).await?;
        before = size;
        let mut pages = [Rounds::default(), Rounds::default()];
        for round in 0..options.rounds.get() {
            for (page, rounds) in PAGES.iter().zip(&mut pages) {
                let figures = measure(options, shop, &customers, *page == PAGES[1]).await?;
                println!(
                    "round {}, {size} orders, {page}: {:.0} µs of PostgreSQL",
                    round + 1,
                    figures[&of_database("orders")]
                );
                rounds.add(figures);
            }
        }
        measured.push(pages);
    }
    print(&measured, sizes);
    let json =
        |(pages, size): (&[Rounds; 2], u64)| json!({ "orders": size, "pages": pages.each_ref().map(Rounds::json) });
    Ok(measured.iter().zip(sizes).map(json).collect())
}

/// Microseconds of a request.
async fn measure(options: &Options, shop: &Shop<'_>, customers: &[Customer], deep: bool) -> anyhow::Result<Figures> {
    let mut who = Vec::new();
    for customer in customers {
        who.push((customer.clone(), path(customer, deep).await?));
    }
    let meter = Meter::start(shop.processes()?, shop.cluster.postgres.id()?);
    let crowd = Crowd::gather(&who, options.load.connections.get());
    sleep(Duration::from_secs(options.load.warm_up.into())).await;
    let (from, before) = (now()?, crowd.answered());
    sleep(Duration::from_secs(options.load.seconds.get().into())).await;
    let (to, answers) = (now()?, crowd.answered() - before);
    crowd.leave().await?;
    let seconds = meter.stop().await?.between(from, to);
    let mut costs: Figures = seconds.into_iter().map(|(name, it)| (name, it * 1e6 / answers as f64)).collect();
    let services = NAMES.iter().filter_map(|name| costs.get(*name)).sum();
    costs.insert(SERVICES.to_owned(), services);
    Ok(costs)
}

/// Of twenty orders, the newest or those after some nine hundred.
async fn path(customer: &Customer, deep: bool) -> anyhow::Result<String> {
    let orders = format!("/v1/users/{}/orders", customer.id);
    let mut after = String::new();
    for _ in 0..if deep { 9 } else { 0 } {
        let page = customer.get(&format!("{orders}?page_size=100{after}")).await?;
        after = format!("&page_token={}", text(&page, "next_page_token")?);
    }
    Ok(format!("{orders}?page_size=20{after}"))
}

fn now() -> anyhow::Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is right")?.as_secs_f64())
}

fn print(measured: &[[Rounds; 2]], [few, many]: [u64; 2]) {
    println!("\n### A page of 20 orders: processor time of a request, µs (least–greatest)\n");
    let head = ["page", "of"].map(str::to_owned).into_iter();
    let mut table =
        Table::new(head.chain([few, many].map(|size| format!("{size} orders"))).chain(["ratio".to_owned()]));
    let [few, many] = measured else { return };
    for ((page, few), many) in PAGES.iter().zip(few).zip(many) {
        for name in [of_database("orders"), SERVICES.to_owned()] {
            let cell = |rounds: &Rounds| rounds.spread(&name).map_or_else(String::new, |it| format!("{it:.0}"));
            let medians = many.spread(&name).zip(few.spread(&name));
            let ratio = medians.map_or_else(String::new, |(many, few)| format!("{:.2}", many.median / few.median));
            table.row([(*page).to_owned(), name.clone(), cell(few), cell(many), ratio]);
        }
    }
    println!("{table}");
}
