//! The name of a service in a certificate.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

/// A longer id is none (SPIFFE-ID, section 2.3), in bytes.
const MAX_ID: usize = 2048;

/// Neither is one with a longer trust domain (SPIFFE-ID, section 2.1), in bytes.
const MAX_TRUST_DOMAIN: usize = 255;

/// A service's id: `spiffe://<trust domain>/ns/<namespace>[/dc/<datacenter>]/svc/<service>`, as Consul's authority
/// writes it. Cheap to clone.
///
/// <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiffeId(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    trust_domain: String,
    namespace: String,
    datacenter: Option<String>,
    service: ServiceName,
}

/// A text that is no id of a service.
#[derive(Debug, Error)]
#[error(
    "a service's id is spiffe://TRUST-DOMAIN/ns/NAMESPACE/dc/DATACENTER/svc/SERVICE, with or without the datacenter"
)]
pub struct SpiffeIdError;

impl SpiffeId {
    /// Who vouches for it.
    pub fn trust_domain(&self) -> &str {
        &self.0.trust_domain
    }

    /// Which service it is.
    pub fn service(&self) -> &ServiceName {
        &self.0.service
    }

    /// Whether both are services of the same system, wherever they run.
    pub fn is_neighbour_of(&self, other: &Self) -> bool {
        self.0.trust_domain == other.0.trust_domain && self.0.namespace == other.0.namespace
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("spiffe://").filter(|_| text.len() <= MAX_ID).ok_or(SpiffeIdError)?;
        let parts: Vec<_> = rest.split('/').collect();
        let (trust_domain, namespace, datacenter, service) = match parts[..] {
            [domain, "ns", namespace, "svc", service] => (domain, namespace, None, service),
            [domain, "ns", namespace, "dc", datacenter, "svc", service] => {
                (domain, namespace, Some(datacenter), service)
            }
            _ => return Err(SpiffeIdError),
        };
        let good = is_trust_domain(trust_domain) && is_segment(namespace) && datacenter.is_none_or(is_segment);
        let service = service.parse().ok().filter(|_| good).ok_or(SpiffeIdError)?;
        let (trust_domain, namespace) = (trust_domain.to_owned(), namespace.to_owned());
        Ok(Self(Arc::new(Parts { trust_domain, namespace, datacenter: datacenter.map(str::to_owned), service })))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { trust_domain, namespace, datacenter, service } = &*self.0;
        write!(f, "spiffe://{trust_domain}/ns/{namespace}")?;
        if let Some(datacenter) = datacenter {
            write!(f, "/dc/{datacenter}")?;
        }
        write!(f, "/svc/{service}")
    }
}

/// The name of a service, as the registry and its certificate have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceName(String);

/// A text that is no such name.
#[derive(Debug, Error)]
#[error("a service's name has letters, digits and . _ - only, at least one and at most 255")]
pub struct NameError;

impl ServiceName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        is_segment(text).then(|| Self(text.to_owned())).ok_or(NameError)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SPIFFE-ID, section 2.1.
fn is_trust_domain(text: &str) -> bool {
    let fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    (1..=MAX_TRUST_DOMAIN).contains(&text.len()) && text.bytes().all(fit)
}

/// SPIFFE-ID, section 2.2.
fn is_segment(text: &str) -> bool {
    let fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=255).contains(&text.len()) && text.bytes().all(fit) && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/orders";

    fn id(text: &str) -> SpiffeId {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_names_a_service_of_a_trust_domain() {
        let orders = id(ORDERS);
        assert_eq!(orders.to_string(), ORDERS);
        assert_eq!(orders.service().as_str(), "orders");
        assert_eq!(orders.trust_domain(), "11111111-2222-3333-4444-555555555555.consul");
        assert_eq!(id("spiffe://joist.local/ns/shop/svc/users").to_string(), "spiffe://joist.local/ns/shop/svc/users");
    }

    #[test]
    fn neighbours_are_of_the_same_system_in_whatever_datacenter() {
        let users = id("spiffe://shop/ns/default/dc/dc1/svc/users");
        assert!(users.is_neighbour_of(&id("spiffe://shop/ns/default/dc/dc2/svc/orders")));
        assert!(users.is_neighbour_of(&id("spiffe://shop/ns/default/svc/orders")));
        assert!(!users.is_neighbour_of(&id("spiffe://shop/ns/test/dc/dc1/svc/orders")));
        assert!(!users.is_neighbour_of(&id("spiffe://other/ns/default/dc/dc1/svc/orders")));
    }

    #[test]
    fn anything_else_is_nobody() {
        let long = format!("spiffe://a/ns/{}/svc/users", "n".repeat(MAX_ID));
        let wide = format!("spiffe://{}/ns/a/svc/users", "d".repeat(MAX_TRUST_DOMAIN + 1));
        for nonsense in [
            "",
            "users",
            "https://shop/ns/default/svc/users",
            "SPIFFE://shop/ns/default/svc/users",
            "spiffe://",
            "spiffe:///ns/default/svc/users",
            "spiffe://Shop/ns/default/svc/users",
            "spiffe://shop:1/ns/default/svc/users",
            "spiffe://a@shop/ns/default/svc/users",
            "spiffe://shop/ns/default/svc/",
            "spiffe://shop/ns/default/svc/users/",
            "spiffe://shop/ns/default/svc/users?x",
            "spiffe://shop/ns/default/svc/users#x",
            "spiffe://shop/ns/default/svc/us%65rs",
            "spiffe://shop/ns/default/svc/..",
            "spiffe://shop/ns//svc/users",
            "spiffe://shop/ns/default/dc//svc/users",
            "spiffe://shop/svc/users",
            "spiffe://shop/dc/dc1/ns/default/svc/users",
            &long,
            &wide,
        ] {
            assert!(nonsense.parse::<SpiffeId>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_name_is_a_word() {
        assert!("users".parse::<ServiceName>().is_ok() && "users-v2.a_b".parse::<ServiceName>().is_ok());
        for nonsense in ["", ".", "..", "a b", "a/b", "a,b", "*", &"n".repeat(256)] {
            assert!(nonsense.parse::<ServiceName>().is_err(), "{nonsense}");
        }
    }
}
