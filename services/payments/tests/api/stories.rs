//! Sixty orders with whatever may happen to them, on two instances of which one is killed now and then, compared with the
//! provider's books.

use std::env;

use fastrand::Rng;
use payments::ProviderConfig;
use uuid::Uuid;

use crate::harness::{Instance, Shop, cancelled, placed};

const STORIES: usize = 60;

/// An order, and what is told of it: any event any number of times, in any order.
struct Story {
    order: Uuid,
    placed: bool,
    cancelled: bool,
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "whoever reads of a failure wants to see it again")]
async fn whatever_happens_the_books_agree() {
    let seed = env::var("STORIES_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("STORIES_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let shop = Shop::open().await;
    let mut instances = [shop.start_with(moody()).await, shop.start_with(moody()).await];
    let mut stories = Vec::new();
    for story in 0..STORIES {
        stories.push(happen(&shop, &mut rng).await);
        if story % 15 == 7 {
            let victim = rng.usize(..2);
            replace(&shop, &mut instances[victim]).await;
        }
    }
    // Some change their mind later.
    for story in &mut stories {
        if rng.u8(..4) == 0 {
            shop.cancel(story.order).await;
            story.cancelled = true;
        }
    }
    shop.until_count("select count(*) from payments where due_at is not null", 0).await;
    shop.until_count("select count(*) from events.outbox where published_at is null", 0).await;
    for story in &stories {
        check(&shop, story).await;
    }
    let mut books = shop.books().await;
    let counts =
        "select string_agg(status || ' ' || n, ', ') from (select status, count(*) as n from payments group by 1) as s";
    println!("{}", books.text(counts).await.unwrap());
}

fn moody() -> ProviderConfig {
    ProviderConfig {
        provider_latency_ms: 6,
        provider_decline_rate: 0.2,
        provider_failure_rate: 0.3,
        ..ProviderConfig::default()
    }
}

async fn replace(shop: &Shop, instance: &mut Instance) {
    let replacement = shop.start_with(moody()).await;
    std::mem::replace(instance, replacement).kill().await;
}

async fn happen(shop: &Shop, rng: &mut Rng) -> Story {
    let order = Uuid::now_v7();
    let (placed, cancelled) = (placed(order, rng.i64(1..100_000)), cancelled(order));
    let mut story = Story { order, placed: false, cancelled: false };
    for _ in 0..rng.usize(1..5) {
        match rng.u8(..10) {
            0..=6 => {
                shop.tell(&placed).await;
                story.placed = true;
            }
            _ => {
                shop.tell(&cancelled).await;
                story.cancelled = true;
            }
        }
    }
    story
}

async fn check(shop: &Shop, story: &Story) {
    let (order, standing) = (story.order, shop.standing(story.order).await);
    let (changes, words) = (shop.changes(order).await, shop.words(order));
    let told = |word: &str| words.iter().filter(|told| *told == word).count();
    let tale = format!("{order}: {changes}; {standing:?}; {words:?}; {}", shop.attempts(order).await);

    match (story.placed, story.cancelled) {
        (_, true) => assert_ne!(standing.as_deref(), Some("captured"), "{tale}"),
        (true, false) => assert!(matches!(standing.as_deref(), Some("captured" | "declined")), "{tale}"),
        (false, false) => unreachable!("something has happened to each"),
    }
    let last = changes.rsplit(", ").next().unwrap();
    let expected = match last {
        "captured" | "declined" | "refunded" => matches!(standing.as_deref(), Some(standing) if standing == last),
        "called_off" => matches!(standing.as_deref(), None | Some("blocked" | "declined")),
        _ => false,
    };
    assert!(expected, "{tale}");
    assert_eq!(told("PaymentRefunded"), usize::from(last == "refunded"), "{tale}");
    assert_eq!(told("PaymentDeclined"), usize::from(last == "declined"), "{tale}");
    assert!(told("PaymentCaptured") <= 1 && (last != "captured" || told("PaymentCaptured") == 1), "{tale}");
}
