//! What an instance says of those that it calls, for whoever asks `/readyz?verbose`.

use std::net::SocketAddr;

/// The report has a line for each instance that calls are sent to, with its address.
pub fn lists(report: &str, peer: SocketAddr) -> bool {
    let peer = peer.to_string();
    report.lines().any(|line| line.split_whitespace().any(|word| word == peer))
}

/// In such a line: `127.0.0.1:20001 up, 42 calls, 0 waiting, 1.3 ms`.
pub fn sent_to(report: &str, peer: SocketAddr) -> u64 {
    let peer = peer.to_string();
    let line = report.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut calls = line.filter_map(|words| match words[..] {
        [address, _, calls, "calls,", ..] if address == peer => calls.parse().ok(),
        _ => None,
    });
    calls.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_how_many_calls_a_peer_was_sent() {
        let report = "ready\ngateway -> users: 2 instances\n  127.0.0.1:20001 up, 42 calls, 0 waiting, 1.3 ms\n";
        let sent_to = |peer: &str| sent_to(report, peer.parse().unwrap());
        assert_eq!((sent_to("127.0.0.1:20001"), sent_to("127.0.0.1:2000")), (42, 0));
    }

    #[test]
    fn a_report_lists_a_peer_by_its_whole_address() {
        let report = "ready\nusers: 2 instances\n  127.0.0.1:20001 ok\n  127.0.0.1:20002 ejected\n";
        let lists = |peer: &str| lists(report, peer.parse().unwrap());
        assert!(lists("127.0.0.1:20001") && lists("127.0.0.1:20002"));
        assert!(!lists("127.0.0.1:2000"));
    }
}
