//! An attempt to sign in, as it is counted: by whose account it is, and by where it comes from.

use std::net::{IpAddr, Ipv6Addr};

use super::{Digest, Email, digest};

/// Nothing of it tells who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub account: Digest,
    pub address: Digest,
}

impl Attempt {
    /// Whether there is such an account does not matter, so that it cannot be told from the answers.
    pub fn of(email: &Email, address: IpAddr) -> Self {
        Self {
            account: digest(&format!("account {}", email.as_str())),
            address: digest(&format!("address {}", network(address))),
        }
    }
}

/// A household is given a whole /64 of IPv6, and can come from any address in it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(address: &str) -> Attempt {
        Attempt::of(&Email::parse("ada@example.com").unwrap(), address.parse().unwrap())
    }

    #[test]
    fn an_ipv6_address_counts_for_its_network() {
        assert_eq!(attempt("2001:db8::1"), attempt("2001:db8::ffff:2"));
        assert_ne!(attempt("2001:db8::1"), attempt("2001:db8:0:1::1"));
    }

    #[test]
    fn an_ipv4_address_counts_for_itself_however_it_is_written() {
        assert_eq!(attempt("192.0.2.1"), attempt("::ffff:192.0.2.1"));
        assert_ne!(attempt("192.0.2.1"), attempt("192.0.2.2"));
    }
}
