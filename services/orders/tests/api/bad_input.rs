//! What cannot be ordered changes nothing.

use tonic::Code;

use crate::harness::{Service, fields, refusal};

#[tokio::test]
async fn every_unacceptable_item_is_named_at_once() {
    let service = Service::start().await;
    let answer = service.person().place(&[("BOX-OAK", 0), ("box", -1), ("BOX-OAK", 1001)]).await;
    let expected = ["items[0].quantity", "items[1].quantity", "items[1].sku", "items[2].quantity", "items[2].sku"];
    assert_eq!(fields(answer), expected);
}

#[tokio::test]
async fn an_order_of_nothing_or_of_too_much_is_refused() {
    let service = Service::start().await;
    assert_eq!(fields(service.person().place(&[]).await), ["items"]);
    let skus: Vec<_> = (0..101).map(|n| format!("BOX-{n}")).collect();
    let many: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    assert_eq!(fields(service.person().place(&many).await), ["items"]);
}

#[tokio::test]
async fn unknown_products_are_named_and_nothing_is_taken() {
    let service = Service::start().await;
    let answer = service.person().place(&[("BOX-OAK", 1), ("BOX-GOLD", 1), ("BOX-TIN", 1)]).await;
    let status = answer.unwrap_err();
    let messages: Vec<_> = rpc::status::violations(&status).into_iter().map(|(_, message)| message).collect();
    assert_eq!(messages, ["BOX-GOLD is not in the catalogue", "BOX-TIN is not in the catalogue"]);
    assert_eq!(service.stock("BOX-OAK").await, 150);
}

#[tokio::test]
async fn currencies_do_not_mix() {
    let service = Service::start().await;
    let answer = service.person().place(&[("BOX-OAK", 1), ("BOX-WALNUT", 1)]).await;
    assert_eq!(fields(answer), ["items"]);
    assert_eq!(service.stock("BOX-OAK").await, 150);
}

#[tokio::test]
async fn a_total_that_cannot_be_counted_is_refused() {
    let service = Service::start().await;
    service.sql("update products set price_amount = 9007199254740991 where sku in ('BOX-OAK', 'BOX-ASH')").await;
    assert_eq!(fields(service.person().place(&[("BOX-OAK", 2)]).await), ["items"]);
    assert_eq!(fields(service.person().place(&[("BOX-OAK", 1), ("BOX-ASH", 1)]).await), ["items"]);
    assert_eq!(service.stock("BOX-OAK").await, 150);
}

#[tokio::test]
async fn malformed_ids_and_page_tokens_are_named() {
    let service = Service::start().await;
    let ada = service.person();
    let id = ada.id.to_string();
    assert_eq!(fields(ada.get("seven").await), ["id"]);
    assert_eq!(fields(ada.cancel("").await), ["id"]);
    assert_eq!(fields(ada.list("me", None, "").await), ["user_id"]);
    assert_eq!(fields(ada.list(&id, Some(0), "").await), ["page_size"]);
    for token in ["AAAA", "!", "Qk9YLU9BSw"] {
        assert_eq!(fields(ada.list(&id, None, token).await), ["page_token"], "{token}");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_visible_and_short() {
    let service = Service::start().await;
    for key in ["a b", "\u{e9}", &"k".repeat(256)] {
        let answer = service.person().place_with_key(&[("BOX-OAK", 1)], key).await;
        assert_eq!(fields(answer), ["idempotency_key"], "{key}");
    }
    assert_eq!(service.stock("BOX-OAK").await, 150);
}

#[tokio::test]
async fn what_is_out_of_stock_has_a_reason() {
    let service = Service::start().await;
    let answer = service.person().place(&[("TABLE-OAK", 21), ("BOX-OAK", 1)]).await;
    assert_eq!(refusal(answer), (Code::FailedPrecondition, Some("OUT_OF_STOCK".to_owned())));
    assert_eq!((service.stock("TABLE-OAK").await, service.stock("BOX-OAK").await), (20, 150));
}
