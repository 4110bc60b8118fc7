//! The settings of the rate limits, at the start and while the process runs.

use std::{fmt, num::NonZeroU32, str::FromStr};

use clap::{Args, ValueEnum};
use governor::Quota;

/// How often somebody may ask. A burst is what can be asked at once; it fills up again by so many a second.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub struct RateLimitConfig {
    /// Whether requests are limited at all; `off` is for load tests
    #[arg(long, env, default_value = "on")]
    pub rate_limit: Switch,

    /// Requests a second from one address (of IPv6: from one /64), at this instance
    #[arg(long, env, default_value = "100")]
    pub rate_limit_address_per_s: NonZeroU32,

    /// Requests at once from one address
    #[arg(long, env, default_value = "500")]
    pub rate_limit_address_burst: NonZeroU32,

    /// Requests a second in the name of one user, from wherever, at this instance
    #[arg(long, env, default_value = "50")]
    pub rate_limit_user_per_s: NonZeroU32,

    /// Requests at once in the name of one user
    #[arg(long, env, default_value = "250")]
    pub rate_limit_user_burst: NonZeroU32,
}

/// One of its numbers.
pub type Number = fn(&mut RateLimitConfig) -> &mut NonZeroU32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        <Self as ValueEnum>::from_str(text, false).map_err(|_| "expected on or off")
    }
}

impl Default for RateLimitConfig {
    /// What the settings say where nothing is set.
    fn default() -> Self {
        const fn number(number: u32) -> NonZeroU32 {
            NonZeroU32::new(number).expect("it is not zero")
        }
        Self {
            rate_limit: Switch::On,
            rate_limit_address_per_s: number(100),
            rate_limit_address_burst: number(500),
            rate_limit_user_per_s: number(50),
            rate_limit_user_burst: number(250),
        }
    }
}

impl RateLimitConfig {
    pub fn address(&self) -> Quota {
        Quota::per_second(self.rate_limit_address_per_s).allow_burst(self.rate_limit_address_burst)
    }

    pub fn user(&self) -> Quota {
        Quota::per_second(self.rate_limit_user_per_s).allow_burst(self.rate_limit_user_burst)
    }
}

/// Why a text is none of the numbers.
#[derive(Debug)]
pub struct NoNumber;

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a whole number, at least 1")
    }
}

pub fn parse(text: &str) -> Result<NonZeroU32, NoNumber> {
    text.parse().map_err(|_| NoNumber)
}
