//! The service that is called: a method of each kind, and each test decides what they do.

use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures::{Stream, TryStreamExt, future::BoxFuture, stream};
use prost::Message;
use prost_types::{
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, MethodOptions, ServiceDescriptorProto,
    method_options::IdempotencyLevel,
};
use tokio::sync::broadcast;
use tonic::{Request, Response, Status, Streaming, body::Body, server::Grpc, server::NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// May be repeated.
pub const READ: &str = "/echo.v1.Echo/Read";
/// May not.
pub const WRITE: &str = "/echo.v1.Echo/Write";
/// Answers with a stream: first what `Read` would say, then whatever is [`Echo::say`]ed, until it is [`Echo::end`]ed.
pub const WATCH: &str = "/echo.v1.Echo/Watch";
/// Takes a stream, and answers with its messages in one.
pub const COLLECT: &str = "/echo.v1.Echo/Collect";

/// The contract.
pub static DESCRIPTORS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let method = |name: &str, idempotency: IdempotencyLevel, streams: (bool, bool)| MethodDescriptorProto {
        name: Some(name.to_owned()),
        options: Some(MethodOptions { idempotency_level: Some(idempotency.into()), ..MethodOptions::default() }),
        client_streaming: Some(streams.0),
        server_streaming: Some(streams.1),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Echo".to_owned()),
        method: vec![
            method("Read", IdempotencyLevel::NoSideEffects, (false, false)),
            method("Write", IdempotencyLevel::IdempotencyUnknown, (false, false)),
            method("Watch", IdempotencyLevel::NoSideEffects, (false, true)),
            method("Collect", IdempotencyLevel::IdempotencyUnknown, (true, false)),
        ],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("echo/v1/echo.proto".to_owned()),
        package: Some("echo.v1".to_owned()),
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
});

pub type Answer = Result<Response<String>, Status>;
type Act = dyn Fn(usize, Request<String>) -> BoxFuture<'static, Answer> + Send + Sync;

/// Copies share what they count.
#[derive(Clone)]
pub struct Echo {
    act: Arc<Act>,
    calls: Arc<AtomicUsize>,
    said: broadcast::Sender<Said>,
}

/// To those who watch; nothing is the end.
type Said = Option<Result<String, Status>>;

impl Echo {
    /// Answers a call as `act` does, which is told how many calls there were, this one included.
    pub fn new<F>(act: impl Fn(usize, Request<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let act = Arc::new(move |call, request| Box::pin(act(call, request)) as BoxFuture<_>);
        Self { act, calls: Arc::default(), said: broadcast::Sender::new(16) }
    }

    /// Says what it hears.
    pub fn plain() -> Self {
        Self::new(|_, request| async { Ok(Response::new(request.into_inner())) })
    }

    /// Answers no call.
    pub fn failing(status: impl Fn() -> Status + Send + Sync + 'static) -> Self {
        Self::new(move |_, _| std::future::ready(Err(status())))
    }

    /// Answers the first call with `status`, and the others as they should be.
    pub fn failing_once(status: impl Fn() -> Status + Send + Sync + 'static) -> Self {
        Self::new(move |call, request| {
            std::future::ready(if call == 1 { Err(status()) } else { Ok(Response::new(request.into_inner())) })
        })
    }

    /// How many calls came here.
    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Tells everybody who watches.
    pub fn say(&self, text: &str) {
        self.said.send(Some(Ok(text.to_owned()))).unwrap();
    }

    /// Ends what they watch, with this failure if there is one.
    pub fn end(&self, failure: Option<Status>) {
        self.said.send(failure.map(Err)).unwrap();
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.said.receiver_count()
    }

    fn answer(&self, request: Request<String>) -> BoxFuture<'static, Answer> {
        (self.act)(self.calls.fetch_add(1, SeqCst) + 1, request)
    }

    async fn watch(
        self,
        request: Request<String>,
    ) -> Result<Response<impl Stream<Item = Result<String, Status>>>, Status> {
        let listening = self.said.subscribe();
        let first = self.answer(request).await?.into_inner();
        let others = stream::unfold(listening, |mut listening| async {
            let heard = listening.recv().await.ok()??;
            Some((heard, listening))
        });
        Ok(Response::new(stream::select(stream::iter([Ok(first)]), others)))
    }

    async fn collect(self, request: Request<Streaming<String>>) -> Answer {
        let texts: Vec<_> = request.into_inner().try_collect().await?;
        self.answer(Request::new(texts.join(" "))).await
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "echo.v1.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
        Box::pin(async move {
            Ok(match request.uri().path() {
                WATCH => grpc.server_streaming(service_fn(move |request| echo.clone().watch(request)), request).await,
                COLLECT => {
                    grpc.client_streaming(service_fn(move |request| echo.clone().collect(request)), request).await
                }
                READ | WRITE => grpc.unary(service_fn(move |request| echo.answer(request)), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}
