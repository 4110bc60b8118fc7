//! The methods of a contract, whatever they are, for tests that no method may escape.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::FileDescriptorSet;
use rpc::Channel;
use tonic::{Request, Status, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

/// The methods of a service: `orders.v1.OrdersService/GetOrder`; `descriptors` is the encoded `FileDescriptorSet`.
pub fn methods(descriptors: &[u8], service: &str) -> BTreeSet<String> {
    let described = FileDescriptorSet::decode(descriptors).unwrap();
    let services = described.file.iter().flat_map(|file| file.service.iter().map(move |it| (file.package(), it)));
    let methods = services.flat_map(|(package, it)| {
        it.method.iter().map(move |method| format!("{package}.{}/{}", it.name(), method.name()))
    });
    methods.filter(|method| method.split_once('/').unwrap().0 == service).collect()
}

/// Calls a method with a message that says nothing.
///
/// Errors: what the method answers, if that is a failure.
pub async fn call(channel: &Channel, method: &str, authorization: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(());
    if let Some(authorization) = authorization {
        request.metadata_mut().insert("authorization", authorization.parse().unwrap());
    }
    let path: PathAndQuery = format!("/{method}").parse().unwrap();
    Grpc::new(channel.clone()).unary(request, path, ProstCodec::<(), ()>::default()).await.map(drop)
}
