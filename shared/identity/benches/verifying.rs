//! What it costs to know who is calling: the time that a thread works, for a token seen for the first time and for one that
//! was verified a moment ago.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::time::Duration;

use identity::{Grant, Issuer, JwkSet, Signer, Subject, Verifier};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime;
use uuid::Uuid;

const ROUNDS: usize = 21;
const TOKENS: usize = 500;
const HITS: usize = 50_000;

fn main() {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let issuer = Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() };
        let signer = Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap();
        let verifier = Verifier::of_issuer(&issuer, &JwkSet { keys: vec![signer.public_key()] });
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..=ROUNDS {
            let bearers: Vec<_> = (0..TOKENS).map(|_| bearer(&signer, &issuer)).collect();
            first.push(cost(&verifier, &bearers, TOKENS).await);
            again.push(cost(&verifier, &bearers[..1], HITS).await);
        }
        println!("first time: {:.1} µs a token", median(&mut first));
        println!("once more: {:.2} µs a token", median(&mut again));
    });
}

fn bearer(signer: &Signer, issuer: &Issuer) -> String {
    let grant = Grant {
        subject: Subject::User(Uuid::now_v7()),
        client_id: "joist".to_owned(),
        scopes: "orders:read orders:write users:read users:write".parse().unwrap(),
        lifetime: Duration::from_secs(300),
    };
    format!("Bearer {}", signer.sign(issuer, &grant).unwrap())
}

/// Of one verification, in microseconds; the tokens come one after the other, and again from the beginning.
async fn cost(verifier: &Verifier, bearers: &[String], verifications: usize) -> f64 {
    let began = work();
    for bearer in bearers.iter().cycle().take(verifications) {
        assert!(verifier.verify(bearer).await.is_ok());
    }
    (work() - began).as_secs_f64() * 1e6 / verifications as f64
}

/// The first round was for warming up.
fn median(rounds: &mut Vec<f64>) -> f64 {
    rounds.remove(0);
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// What this thread has worked so far, in user and in kernel mode.
fn work() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}
