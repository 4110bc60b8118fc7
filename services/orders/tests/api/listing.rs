//! One's own orders, page by page.

use tonic::Code;

use crate::harness::{Service, refusal};

#[tokio::test]
async fn the_pages_hold_every_order_once_newest_first() {
    let service = Service::start().await;
    let ada = service.person();
    let mut placed = Vec::new();
    for _ in 0..7 {
        placed.push(ada.place(&[("HOOK-OAK", 1)]).await.unwrap().id);
    }
    service.person().place(&[("HOOK-OAK", 1)]).await.unwrap();

    let mut listed = Vec::new();
    let mut token = String::new();
    loop {
        let page = ada.list(&ada.id.to_string(), Some(3), &token).await.unwrap();
        assert!(page.orders.iter().all(|order| order.lines.is_empty()));
        listed.extend(page.orders.into_iter().map(|order| order.id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    placed.reverse();
    assert_eq!(listed, placed);
}

#[tokio::test]
async fn an_order_placed_while_paging_moves_no_page() {
    let service = Service::start().await;
    let ada = service.person();
    let id = ada.id.to_string();
    let first = ada.place(&[("HOOK-OAK", 1)]).await.unwrap();
    ada.place(&[("HOOK-OAK", 1)]).await.unwrap();
    let page = ada.list(&id, Some(1), "").await.unwrap();
    ada.place(&[("HOOK-OAK", 1)]).await.unwrap();
    let next = ada.list(&id, Some(1), &page.next_page_token).await.unwrap();
    assert_eq!(next.orders[0].id, first.id);
    assert!(next.next_page_token.is_empty());
}

#[tokio::test]
async fn whoever_has_no_orders_has_an_empty_page() {
    let service = Service::start().await;
    let ada = service.person();
    let page = ada.list(&ada.id.to_string(), None, "").await.unwrap();
    assert!(page.orders.is_empty() && page.next_page_token.is_empty());
}

#[tokio::test]
async fn somebody_elses_orders_look_like_none() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    ada.place(&[("HOOK-OAK", 1)]).await.unwrap();
    assert_eq!(refusal(eve.list(&ada.id.to_string(), None, "").await).0, Code::NotFound);
}
