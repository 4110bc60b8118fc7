//! How often one address may ask, and one user: each instance of the gateway counts for itself.

mod config;
mod limiter;
mod standing;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::{
    extract::Request,
    http::{Extensions, StatusCode},
    response::{IntoResponse, Response},
};
use discovery::Live;
use identity::Subject;
use opentelemetry::{KeyValue, global, metrics::Counter};
use rpc::middleware::Passage;
use tokio::time::{MissedTickBehavior, interval};

use self::{
    config::NoNumber,
    limiter::Limiter,
    standing::{Standing, Standings},
};
pub use self::{
    config::{RateLimitConfig, Switch},
    standing::{RATE_LIMIT, RATE_LIMIT_POLICY},
};
use crate::{
    client_address::{ClientAddress, Network},
    problem::Problem,
};

/// How often those are forgotten who have not asked for so long that they may ask for a whole burst again, by default
/// after five seconds. One takes some 100 bytes: who asks from 10,000 new addresses a second, which takes as many new
/// connections, has 15 MB of our memory. Users come with a token, so there are no more than there are accounts.
const TIDY_INTERVAL: Duration = Duration::from_secs(10);

/// The limits of one instance.
#[derive(Clone)]
pub struct RateLimits(Arc<Shared>);

struct Shared {
    now: ArcSwap<Limiters>,
    refused: Counter<u64>,
}

struct Limiters {
    config: RateLimitConfig,
    addresses: Limiter<Network>,
    users: Limiter<Subject>,
}

impl Limiters {
    fn new(config: RateLimitConfig) -> Self {
        let (addresses, users) = (Limiter::new(config.address()), Limiter::new(config.user()));
        Self { config, addresses, users }
    }
}

impl RateLimits {
    /// They tidy up after themselves for as long as they are there.
    pub fn new(config: RateLimitConfig) -> Self {
        if config.rate_limit == Switch::Off {
            tracing::warn!("RATE_LIMIT is off: anybody may ask as often as there is room");
        }
        let meter = global::meter("gateway");
        let refused = meter.u64_counter("gateway.requests.refused").with_unit("{request}").build();
        let shared = Arc::new(Shared { now: ArcSwap::from_pointee(Limiters::new(config)), refused });
        let tidied = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let mut turns = interval(TIDY_INTERVAL);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while let Some(shared) = tidied.upgrade() {
                let limiters = shared.now.load_full();
                limiters.addresses.forget_the_rested();
                limiters.users.forget_the_rested();
                drop(shared);
                turns.tick().await;
            }
        });
        Self(shared)
    }

    /// Takes the settings from here from now on, where they are set.
    pub fn follow(&self, live: &Live) {
        let (own, limits) = (self.0.now.load().config, self.clone());
        live.follow("rate_limit", move |text| {
            let switch = text.map_or(Ok(own.rate_limit), str::parse)?;
            limits.change(|config| config.rate_limit = switch);
            Ok::<_, &str>(())
        });
        self.follow_number(live, "rate_limit_address_per_s", |config| &mut config.rate_limit_address_per_s);
        self.follow_number(live, "rate_limit_address_burst", |config| &mut config.rate_limit_address_burst);
        self.follow_number(live, "rate_limit_user_per_s", |config| &mut config.rate_limit_user_per_s);
        self.follow_number(live, "rate_limit_user_burst", |config| &mut config.rate_limit_user_burst);
    }

    fn follow_number(&self, live: &Live, name: &'static str, number: config::Number) {
        let (mut own, limits) = (self.0.now.load().config, self.clone());
        let otherwise = *number(&mut own);
        live.follow(name, move |text| {
            let value = text.map_or(Ok(otherwise), config::parse)?;
            limits.change(|config| *number(config) = value);
            Ok::<_, NoNumber>(())
        });
    }

    /// Everybody begins with a whole burst again.
    fn change(&self, change: impl Fn(&mut RateLimitConfig)) {
        self.0.now.rcu(|limiters| {
            let mut config = limiters.config;
            change(&mut config);
            Limiters::new(config)
        });
    }

    /// Counts a request of this user, which `extensions` are of.
    ///
    /// Errors: it is one too many.
    pub fn admit_user(&self, extensions: &Extensions, subject: &Subject) -> Result<(), Problem> {
        let limiters = self.0.now.load();
        if limiters.config.rate_limit == Switch::Off {
            return Ok(());
        }
        let standing = limiters.users.count("user", subject);
        if let Some(standings) = extensions.get::<Standings>() {
            standings.add(standing.clone());
        }
        self.judge(&standing, "too many requests of this user")
    }

    fn admit_address(&self, client: Option<ClientAddress>, standings: &Standings) -> Result<(), Problem> {
        let limiters = self.0.now.load();
        let Some(ClientAddress(address)) = client.filter(|_| limiters.config.rate_limit == Switch::On) else {
            return Ok(());
        };
        let standing = limiters.addresses.count("address", &Network::of(address));
        standings.add(standing.clone());
        self.judge(&standing, "too many requests from this address")
    }

    fn judge(&self, standing: &Standing, refusal: &str) -> Result<(), Problem> {
        let Some(wait) = standing.wait else { return Ok(()) };
        self.0.refused.add(1, &[KeyValue::new("limit", standing.policy)]);
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(refusal).retry_after(Some(wait)))
    }
}

/// The layer, which also tells the client where it stands.
pub fn limit_rates(limits: RateLimits, mut request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let standings = Standings::default();
    let client = request.extensions().get().copied();
    request.extensions_mut().insert(standings.clone());
    let admitted = limits.admit_address(client, &standings);
    let tell = move |mut response: Response| {
        standings.tell(response.headers_mut());
        response
    };
    match admitted {
        Ok(()) => Ok((request, tell)),
        Err(problem) => Err(tell(problem.into_response())),
    }
}
