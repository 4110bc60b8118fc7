//! Answers that cannot be used: one warning each, the last good state stays, and nobody is pestered with questions.

use std::time::Duration;

use discovery::Instances;
use testkit::Logs;

use crate::{
    harness::{eventually, known_ids, registry, seen, service},
    liar::{Liar, http, instances},
};

const ONE: &[(&str, &str, u16)] = &[("web-1", "10.0.0.1", 80)];
const TWO: &[(&str, &str, u16)] = &[("web-1", "10.0.0.1", 80), ("web-2", "10.0.0.2", 80)];

/// After a good answer come bad ones, then another good one.
async fn is_survived(bad: impl Into<Vec<u8>>, saying: &str) {
    let logs = Logs::capture();
    let liar = Liar::saying(instances("7", ONE)).await;
    let ours = registry(&liar.url);
    let mut known = ours.watch(&service("web")).unwrap();
    let good = seen(&mut known, &["web-1"]).await;

    liar.say(bad);
    // The first may still be a good one, and the last is not answered yet.
    let took = liar.asked(4).await;
    assert!(took > Duration::from_millis(250), "asked again without a pause: {took:?}");
    assert_eq!(known.current(), Some(good));
    let report = ours.report().unwrap_err();
    assert!(report.contains("does not work") && report.contains(saying), "{report}");

    liar.say(instances("8", TWO));
    seen(&mut known, &["web-1", "web-2"]).await;
    assert!(ours.report().is_ok());
    let warnings = logs.warnings("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(saying), "{warnings:?}");
}

#[tokio::test]
async fn another_protocol_is_survived() {
    is_survived("SSH-2.0-OpenSSH_9.2p1\r\n", "the answer is not one of consul's").await;
}

#[tokio::test]
async fn a_page_is_survived() {
    is_survived(http("200 OK", "8", "<html><body>It works!</body></html>"), "the answer is not one of consul's").await;
}

#[tokio::test]
async fn json_of_another_shape_is_survived() {
    let bad = http("200 OK", "8", r#"[{"Service": {"ID": 7}}]"#);
    is_survived(bad, "the answer is not one of consul's").await;
}

#[tokio::test]
async fn half_an_answer_is_survived() {
    let whole = instances("8", TWO);
    is_survived(&whole.as_bytes()[..whole.len() - 10], "the answer is not one of consul's").await;
}

#[tokio::test]
async fn a_server_that_fails_is_survived() {
    is_survived(http("500 Internal Server Error", "8", "No cluster leader"), "500: No cluster leader").await;
}

#[tokio::test]
async fn a_refusal_is_survived() {
    is_survived(http("403 Forbidden", "8", "Permission denied"), "access control refuses: Permission denied").await;
}

#[tokio::test]
async fn an_index_that_is_no_number_is_survived() {
    is_survived(instances("soon", TWO), "the answer is not one of consul's").await;
}

#[tokio::test]
async fn a_server_that_hangs_up_is_survived() {
    is_survived("", "consul cannot be reached").await;
}

#[tokio::test]
async fn a_trouble_is_told_once_whatever_causes_it_and_another_one_again() {
    let logs = Logs::capture();
    let liar = Liar::saying("SSH-2.0-OpenSSH_9.2p1\r\n").await;
    let ours = registry(&liar.url);
    let _instances = ours.watch(&service("web")).unwrap();
    liar.asked(2).await;
    liar.say(http("200 OK", "8", "<html><body>It works!</body></html>"));
    eventually("another cause", async || ours.report().is_err_and(|report| report.contains("expected value"))).await;
    assert_eq!(logs.warnings("").len(), 1, "{:?}", logs.warnings(""));
    liar.say(http("500 Internal Server Error", "8", "No cluster leader"));
    eventually("another trouble", async || !logs.warnings("No cluster leader").is_empty()).await;
    assert_eq!(logs.warnings("").len(), 2, "{:?}", logs.warnings(""));
}

/// How often one asks whose questions are answered at once.
async fn asks_with_pauses(liar: &Liar) {
    let took = liar.asked(11).await;
    assert!(took > Duration::from_millis(400), "asked eleven times within {took:?}");
}

#[tokio::test]
async fn an_index_that_goes_backwards_takes_nobody_away_and_begins_anew() {
    let logs = Logs::capture();
    let liar = Liar::saying(instances("1000", ONE)).await;
    let ours = registry(&liar.url);
    let mut known = ours.watch(&service("web")).unwrap();
    seen(&mut known, &["web-1"]).await;
    liar.say(instances("3", &[("web-2", "10.0.0.2", 80)]));
    seen(&mut known, &["web-1", "web-2"]).await;
    asks_with_pauses(&liar).await;

    let requests = liar.requests();
    let backwards = requests.iter().rposition(|request| request.contains("index=1000&")).unwrap();
    assert!(!requests[backwards + 1].contains("index="), "{requests:?}");
    assert!(requests[backwards + 2].contains("index=3&"), "{requests:?}");
    assert_eq!(logs.warnings(""), Vec::<String>::new());
}

#[tokio::test]
async fn an_index_that_stays_zero_makes_no_busy_loop() {
    let liar = Liar::saying(instances("0", ONE)).await;
    let ours = registry(&liar.url);
    let mut known = ours.watch(&service("web")).unwrap();
    seen(&mut known, &["web-1"]).await;
    asks_with_pauses(&liar).await;
    liar.say(instances("0", TWO));
    seen(&mut known, &["web-1", "web-2"]).await;
}

#[tokio::test]
async fn an_index_that_stays_where_it_is_makes_no_busy_loop() {
    let liar = Liar::saying(instances("7", ONE)).await;
    let ours = registry(&liar.url);
    let mut known = ours.watch(&service("web")).unwrap();
    seen(&mut known, &["web-1"]).await;
    asks_with_pauses(&liar).await;
}

/// What becomes of these instances beside a good one; no warning but one says that some are left out.
async fn beside_a_good_one(others: &[(&str, &str, u16)]) -> (Liar, Instances) {
    let logs = Logs::capture();
    let liar = Liar::saying(instances("7", &[ONE, others].concat())).await;
    let ours = registry(&liar.url);
    let known = ours.watch(&service("web")).unwrap();
    eventually("an answer", async || known.current().is_some()).await;
    liar.asked(3).await;
    let warnings = logs.warnings("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("left out") && !warnings[0].contains("web-1"), "{warnings:?}");
    assert!(ours.report().is_ok());
    (liar, known)
}

#[tokio::test]
async fn instances_that_cannot_be_called_are_left_out_beside_those_that_can() {
    let useless = [
        ("portless", "10.0.0.2", 0),
        ("two words", "no host", 80),
        ("path", "10.0.0.2/24", 80),
        ("url", "http://10.0.0.2", 80),
        ("user", "ada@10.0.0.2", 80),
        ("port", "10.0.0.2:81", 80),
    ];
    let good = [("web-2", "fe80::2", 80), ("web-3", "users-3.shop", 80), ("web-4", "", 80)];
    let (_liar, known) = beside_a_good_one(&[&useless[..], &good[..]].concat()).await;
    let known = known.current().unwrap();
    let authorities: Vec<_> = known.iter().map(|it| it.authority.as_str()).collect();
    assert_eq!(authorities, ["10.0.0.1:80", "[fe80::2]:80", "users-3.shop:80", "10.0.0.9:80"]);
}

#[tokio::test]
async fn when_none_can_be_called_any_more_those_before_stay() {
    let logs = Logs::capture();
    let liar = Liar::saying(instances("7", TWO)).await;
    let ours = registry(&liar.url);
    let mut known = ours.watch(&service("web")).unwrap();
    let good = seen(&mut known, &["web-1", "web-2"]).await;
    liar.say(instances("8", &[("web-1", "10.0.0.1", 0), ("web-2", "10.0.0.2", 0)]));
    liar.asked(4).await;
    assert_eq!(known.current(), Some(good));
    assert_eq!(logs.warnings("left out").len(), 1, "{:?}", logs.warnings(""));
}

#[tokio::test]
async fn of_two_instances_with_one_id_the_first_is_taken() {
    let (_liar, known) = beside_a_good_one(&[("twin", "10.0.0.2", 80), ("twin", "10.0.0.3", 80)]).await;
    assert_eq!(known_ids(&known), ["twin", "web-1"]);
    assert_eq!(known.current().unwrap()[0].authority, "10.0.0.2:80");
}

#[tokio::test]
async fn an_instance_whose_http_port_is_none_is_still_called_over_grpc() {
    let answer = instances("7", ONE).replace("\"Port\"", r#""Meta": {"http_port": "eighty"}, "Port""#);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let liar = Liar::saying(http("200 OK", "7", body)).await;
    let known = seen(&mut registry(&liar.url).watch(&service("web")).unwrap(), &["web-1"]).await;
    assert_eq!((known[0].authority.as_str(), &known[0].http), ("10.0.0.1:80", &None));
}
