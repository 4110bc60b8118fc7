//! The end of a stream, which its head does not tell.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::Context as Trace;
use tonic::{Code, body::Body};

/// How a stream has ended, as far as anybody waited for that.
type Tell = Box<dyn FnOnce(Option<Code>) + Send>;

/// Calls `tell` once: when the stream ends, with what it says of that; with nothing, when whoever read it has gone away
/// before. The stream's own work, and this, are a part of the trace that we are in now.
pub(crate) fn on_end(stream: Body, tell: impl FnOnce(Option<Code>) + Send + 'static) -> Body {
    Body::new(Ending { stream, trace: Trace::current(), tell: Some(Box::new(tell)) })
}

/// What a head or trailers say of the call, if it is over.
pub(crate) fn outcome(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()))
}

struct Ending {
    stream: Body,
    trace: Trace,
    /// Until it has ended.
    tell: Option<Tell>,
}

impl Ending {
    fn end(&mut self, code: Option<Code>) {
        if let Some(tell) = self.tell.take() {
            tell(code);
        }
    }
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let _within = self.trace.clone().attach();
        let frame = ready!(Pin::new(&mut self.stream).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(Some(outcome(trailers).unwrap_or(Code::Unknown)));
                }
            }
            Some(Err(status)) => self.end(Some(status.code())),
            // Without trailers, nobody knows.
            None => self.end(Some(Code::Unknown)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.size_hint()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let _within = self.trace.clone().attach();
        self.end(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use futures::{FutureExt, stream};
    use http::{HeaderName, HeaderValue};
    use http_body_util::{BodyExt, StreamBody};
    use tonic::Status;

    use super::*;

    /// A stream of these frames, after which it hangs, and what is told of its end.
    fn watched(frames: Vec<Result<Frame<Bytes>, Status>>) -> (Body, Receiver<Option<Code>>) {
        let (sender, told) = channel();
        let frames = stream::StreamExt::chain(stream::iter(frames), stream::pending());
        (on_end(Body::new(StreamBody::new(frames)), move |code| sender.send(code).unwrap()), told)
    }

    fn next(body: &mut Body) {
        body.frame().now_or_never().unwrap();
    }

    fn trailers(status: &'static str) -> Frame<Bytes> {
        Frame::trailers(HeaderMap::from_iter([(
            HeaderName::from_static("grpc-status"),
            HeaderValue::from_static(status),
        )]))
    }

    #[test]
    fn trailers_say_how_a_stream_ends_and_nothing_said_before_does() {
        let (mut body, told) = watched(vec![Ok(Frame::data("first".into())), Ok(trailers("14"))]);
        next(&mut body);
        assert!(told.try_recv().is_err());
        next(&mut body);
        assert_eq!(told.try_recv(), Ok(Some(Code::Unavailable)));
        drop(body);
        assert!(told.try_recv().is_err(), "it is told twice");
    }

    #[test]
    fn a_stream_that_breaks_off_ends_with_its_failure() {
        let (mut body, told) = watched(vec![Err(Status::data_loss("all gone"))]);
        next(&mut body);
        assert_eq!(told.try_recv(), Ok(Some(Code::DataLoss)));
    }

    #[test]
    fn of_a_stream_that_nobody_reads_to_its_end_nothing_is_known() {
        let (mut body, told) = watched(vec![Ok(Frame::data("first".into())), Ok(trailers("0"))]);
        next(&mut body);
        drop(body);
        assert_eq!(told.try_recv(), Ok(None));
    }
}
