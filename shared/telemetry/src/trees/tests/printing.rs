//! When a trace is printed, and in which order its spans.

use opentelemetry::Context;

use super::{Shop, end, from_afar};

#[test]
fn a_trace_is_printed_when_its_last_span_ends() {
    let shop = Shop::open();
    let request = shop.start(&from_afar(1), "POST /v1/orders", 0);
    let call = shop.start(&request, "Orders/PlaceOrder", 2);
    end(&request, 12);
    assert_eq!(shop.printed(), [""; 0]);
    end(&call, 24);
    assert_eq!(
        shop.printed(),
        ["trace 00000000000000000000000000000001 · 24.0 ms · 2 spans\n\
          \u{20}POST /v1/orders      12.0 ms ████████████\n\
          \u{20}└─ Orders/PlaceOrder 22.0 ms   ██████████████████████\n"]
    );
}

#[test]
fn spans_hang_below_their_parents_in_the_order_in_which_they_started() {
    let shop = Shop::open();
    let a = shop.start(&from_afar(1), "a", 0);
    let b = shop.start(&a, "b", 1);
    let c = shop.start(&a, "c", 2);
    let in_b = shop.start(&b, "in b", 3);
    let in_c = shop.start(&c, "in c", 4);
    [(in_c, 5), (c, 6), (in_b, 7), (b, 8), (a, 9)].iter().for_each(|(span, at)| end(span, *at));
    assert_eq!(shop.names(), ["a", "├─ b", "│  └─ in b", "└─ c", "   └─ in c"]);
}

#[test]
fn whoever_has_no_parent_here_is_a_root() {
    let shop = Shop::open();
    let elder = shop.start(&from_afar(1), "elder", 0);
    let younger = shop.start(&from_afar(1), "younger", 5);
    let child = shop.start(&elder, "child", 6);
    [child, younger, elder].iter().for_each(|span| end(span, 10));
    assert_eq!(shop.names(), ["elder", "└─ child", "younger"]);

    end(&shop.start(&Context::new(), "alone", 0), 1);
    assert_eq!(shop.names(), ["alone"]);
}

#[test]
fn traces_do_not_mix() {
    let shop = Shop::open();
    let one = shop.start(&from_afar(1), "one", 0);
    let two = shop.start(&from_afar(2), "two", 0);
    let in_one = shop.start(&one, "in one", 1);
    end(&two, 2);
    assert_eq!(shop.names(), ["two"]);
    end(&one, 3);
    end(&in_one, 3);
    assert_eq!(shop.names(), ["one", "└─ in one"]);
}
