//! What the contracts say of their methods.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, method_options::IdempotencyLevel};

/// Every described method, by its path: `/orders.v1.OrdersService/GetOrder`.
pub(crate) struct Methods(HashMap<String, (Method, Arc<str>)>);

/// What a call of this method is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// One message there, one back.
    Unary {
        /// Making the call twice has the effect of making it once.
        idempotent: bool,
    },
    /// One message there, a stream back.
    ServerStream {
        /// Asking twice has the effect of asking once.
        idempotent: bool,
    },
    /// A stream there, whatever comes back; also what nothing is known of.
    Stream,
}

impl Method {
    /// Whether the answer may go on for longer than it takes to begin.
    pub fn streams(self) -> bool {
        !matches!(self, Self::Unary { .. })
    }
}

impl Methods {
    pub fn read(descriptors: &[u8]) -> anyhow::Result<Self> {
        let mut methods = HashMap::new();
        for descriptors in [descriptors, tonic_health::pb::FILE_DESCRIPTOR_SET] {
            let set = FileDescriptorSet::decode(descriptors).context("the descriptors cannot be read")?;
            methods.extend(set.file.iter().flat_map(described));
        }
        Ok(Self(methods))
    }

    pub fn get(&self, path: &str) -> Method {
        self.0.get(path).map_or(Method::Stream, |(method, _)| *method)
    }

    /// The names of those that a service has: `orders.v1.OrdersService/GetOrder`.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &str> {
        let names = self.0.values().map(|(_, name)| name.as_ref());
        names.filter(move |name| name.split_once('/').is_some_and(|(its, _)| its == service))
    }

    /// `orders.v1.OrdersService/GetOrder`; nothing for a method that is not described.
    pub fn name(&self, path: &str) -> Option<&Arc<str>> {
        self.0.get(path).map(|(_, name)| name)
    }
}

fn described(file: &FileDescriptorProto) -> impl Iterator<Item = (String, (Method, Arc<str>))> {
    file.service.iter().flat_map(move |service| {
        service.method.iter().map(move |method| {
            let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
            (format!("/{name}"), (kind(method), name.into()))
        })
    })
}

fn kind(method: &MethodDescriptorProto) -> Method {
    let level = method.options.as_ref().map(|options| options.idempotency_level());
    let idempotent = matches!(level, Some(IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent));
    match (method.client_streaming(), method.server_streaming()) {
        (false, false) => Method::Unary { idempotent },
        (false, true) => Method::ServerStream { idempotent },
        (true, _) => Method::Stream,
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{MethodOptions, ServiceDescriptorProto};

    use super::*;

    fn method(name: &str, level: Option<IdempotencyLevel>, streams: (bool, bool)) -> MethodDescriptorProto {
        let options =
            level.map(|level| MethodOptions { idempotency_level: Some(level.into()), ..MethodOptions::default() });
        MethodDescriptorProto {
            name: Some(name.to_owned()),
            client_streaming: Some(streams.0),
            server_streaming: Some(streams.1),
            options,
            ..MethodDescriptorProto::default()
        }
    }

    #[test]
    fn what_may_be_repeated_is_what_the_contract_says() {
        let service = ServiceDescriptorProto {
            name: Some("Shop".to_owned()),
            method: vec![
                method("Read", Some(IdempotencyLevel::NoSideEffects), (false, false)),
                method("Put", Some(IdempotencyLevel::Idempotent), (false, false)),
                method("Buy", None, (false, false)),
                method("Watch", Some(IdempotencyLevel::NoSideEffects), (false, true)),
                method("Take", None, (false, true)),
                method("Fill", Some(IdempotencyLevel::Idempotent), (true, false)),
                method("Talk", Some(IdempotencyLevel::Idempotent), (true, true)),
            ],
            ..ServiceDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            package: Some("shop.v1".to_owned()),
            service: vec![service],
            ..FileDescriptorProto::default()
        };
        let methods = Methods::read(&FileDescriptorSet { file: vec![file] }.encode_to_vec()).unwrap();
        assert_eq!(methods.get("/shop.v1.Shop/Read"), Method::Unary { idempotent: true });
        assert_eq!(methods.get("/shop.v1.Shop/Put"), Method::Unary { idempotent: true });
        assert_eq!(methods.get("/shop.v1.Shop/Buy"), Method::Unary { idempotent: false });
        assert_eq!(methods.get("/shop.v1.Shop/Watch"), Method::ServerStream { idempotent: true });
        assert_eq!(methods.get("/shop.v1.Shop/Take"), Method::ServerStream { idempotent: false });
        assert_eq!(methods.get("/shop.v1.Shop/Fill"), Method::Stream);
        assert_eq!(methods.get("/shop.v1.Shop/Talk"), Method::Stream);
        assert_eq!(methods.get("/shop.v1.Shop/Unheard"), Method::Stream);
        assert_eq!(methods.get("/grpc.health.v1.Health/Check"), Method::Unary { idempotent: false });
    }

    #[test]
    fn garbage_describes_nothing() {
        assert!(Methods::read(&[0xff; 7]).is_err());
    }
}
