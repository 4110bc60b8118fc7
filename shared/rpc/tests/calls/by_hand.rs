//! A server that does what none should: HTTP/2 by hand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::{BufMut, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;

/// What becomes of a connection after a call.
pub enum Then {
    GoOn,
    /// It is closed at once.
    Cut,
    /// Nothing is ever read from it or written to it again.
    Hang,
}

/// The address of a server that leaves every call but health checks to `act`, which is told how many there were.
pub struct ByHand {
    pub address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl ByHand {
    pub async fn start(act: impl Fn(usize, &mut SendResponse<Bytes>) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = calls.clone();
        tokio::spawn(async move {
            // One after the other: where one hangs, nobody else is served either.
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &act, &counted).await;
            }
        });
        Self { address, calls }
    }

    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

async fn serve(stream: TcpStream, act: &impl Fn(usize, &mut SendResponse<Bytes>) -> Then, calls: &AtomicUsize) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    // Who lets go of a call resets it.
    let mut unanswered = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if request.uri().path().starts_with("/grpc.health") {
            respond.send_response(failure(Code::Unimplemented), true).unwrap();
            continue;
        }
        match act(calls.fetch_add(1, SeqCst) + 1, &mut respond) {
            Then::GoOn => unanswered.push((request, respond)),
            Then::Cut => return,
            Then::Hang => std::future::pending().await,
        }
    }
}

/// The head of an answer.
pub fn head() -> Response<()> {
    Response::builder().header("content-type", "application/grpc").body(()).unwrap()
}

fn failure(code: Code) -> Response<()> {
    let mut response = head();
    response.headers_mut().insert("grpc-status", HeaderValue::from(code as i32));
    response
}

/// A whole answer, with a trailer of its own.
pub fn answer(respond: &mut SendResponse<Bytes>, text: &str) {
    let mut stream = respond.send_response(head(), false).unwrap();
    stream.send_data(framed(text), false).unwrap();
    let trailers = [("grpc-status", "0"), ("x-trailer", "the end")];
    let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
    stream.send_trailers(HeaderMap::from_iter(trailers)).unwrap();
}

/// A message as it goes over the wire: not compressed, its length, itself.
pub fn framed(text: &str) -> Bytes {
    let message = text.to_owned().encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len().try_into().unwrap());
    frame.put_slice(&message);
    frame.freeze()
}
