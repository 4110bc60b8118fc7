//! Many who want the same things at the same moment.

use futures::future::join_all;
use tonic::Code;

use crate::harness::{Service, in_turn, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_who_want_one_of_ten_pieces_exactly_ten_get_it() {
    let service = Service::start().await;
    service.sql("update products set stock = 10 where sku = 'TABLE-OAK'").await;
    let orders = (0..100).map(|_| {
        let person = service.person();
        tokio::spawn(async move { in_turn(|| person.place(&[("TABLE-OAK", 1)])).await })
    });
    let answers = join_all(orders).await.into_iter().map(Result::unwrap);
    let (placed, refused): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
    assert_eq!((placed.len(), refused.len()), (10, 90));
    for answer in refused {
        assert_eq!(refusal(answer), (Code::FailedPrecondition, Some("OUT_OF_STOCK".to_owned())));
    }
    assert_eq!(service.stock("TABLE-OAK").await, 0);
    assert_eq!(service.count("select count(*) from orders").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_orders_of_the_same_five_products_in_any_order_never_deadlock() {
    let service = Service::start().await;
    let skus = ["HOOK-OAK", "BOX-OAK", "SHELF-OAK", "BOARD-OAK", "CLAMP-OAK"];
    let orders = (0..100).map(|turn| {
        let person = service.person();
        tokio::spawn(async move {
            let mut items = skus.map(|sku| (sku, 1));
            items.rotate_left(turn % 5);
            if turn % 2 == 0 {
                items.reverse();
            }
            in_turn(|| person.place(&items)).await
        })
    });
    for answer in join_all(orders).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(service.stock("BOX-OAK").await, 50);
    let left: Vec<_> = join_all(skus.iter().map(|sku| service.stock(sku))).await;
    assert_eq!(left, [1400, 50, 120, 700, 200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn placing_and_cancelling_at_once_loses_no_piece() {
    let service = Service::start().await;
    let turns = (0..30).map(|turn| {
        let person = service.person();
        tokio::spawn(async move {
            let order = in_turn(|| person.place(&[("CHEST-OAK", 1), ("BENCH-OAK", 1)])).await;
            match order {
                Ok(order) if turn % 2 == 0 => in_turn(|| person.cancel(&order.id)).await.map(|_| 0),
                Ok(_) => Ok(1),
                Err(status) if status.code() == Code::FailedPrecondition => Ok(0),
                Err(status) => Err(status),
            }
        })
    });
    let kept: i64 = join_all(turns).await.into_iter().map(|turn| turn.unwrap().unwrap()).sum();
    assert_eq!(service.stock("CHEST-OAK").await, 25 - kept);
    assert_eq!(service.stock("BENCH-OAK").await, 40 - kept);
}
