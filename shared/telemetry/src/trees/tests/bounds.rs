//! What happens to more than there is room or time for.

use opentelemetry::Context;

use super::{Shop, end, from_afar};

#[test]
fn the_oldest_trace_makes_room_for_the_257th() {
    let shop = Shop::open();
    let mut spans: Vec<Context> = (1..=256).map(|id| shop.start(&from_afar(id), "request", 0)).collect();
    end(&shop.start(&spans[0], "query", 0), 1);
    assert_eq!(shop.printed(), [""; 0]);
    spans.push(shop.start(&from_afar(257), "request", 0));
    let given_up = shop.printed().concat();
    assert!(given_up.starts_with("trace 00000000000000000000000000000001 · 1.00 ms · 2 spans\n query"), "{given_up}");
    assert!(given_up.ends_with("█\n … and 1 unfinished span\n"));

    spans.iter().for_each(|span| end(span, 2));
    assert_eq!(shop.printed().len(), 256);
    shop.provider.shutdown().unwrap();
    assert_eq!(shop.printed(), [""; 0]);
}

#[test]
fn a_trace_that_was_given_up_can_come_back() {
    let shop = Shop::open();
    let spans: Vec<Context> = (1..=257).map(|id| shop.start(&from_afar(id), "request", 0)).collect();
    let late = shop.start(&spans[0], "late", 1);
    shop.printed();
    end(&spans[0], 2);
    assert_eq!(shop.printed(), [""; 0]);
    end(&late, 3);
    assert_eq!(shop.names(), ["late"]);
}

#[test]
fn spans_beyond_the_512th_are_only_counted() {
    let shop = Shop::open();
    let request = shop.start(&from_afar(1), "request", 0);
    (0..548).for_each(|_| end(&shop.start(&request, "query", 1), 2));
    end(&request, 3);
    let printed = shop.printed().concat();
    assert!(printed.starts_with("trace 00000000000000000000000000000001 · 3.00 ms · 549 spans\n request"));
    assert!(printed.ends_with("█\n … and 37 more spans\n"));
    assert_eq!(printed.lines().count(), 1 + 512 + 1);
}

#[test]
fn whatever_is_open_at_the_end_is_printed() {
    let shop = Shop::open();
    let request = shop.start(&from_afar(1), "request", 0);
    end(&shop.start(&request, "query", 0), 1);
    shop.provider.shutdown().unwrap();
    assert!(shop.printed().concat().ends_with(" … and 1 unfinished span\n"));
}
