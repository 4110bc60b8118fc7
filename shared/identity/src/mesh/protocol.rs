//! What is spoken within TLS.

/// What both sides of a connection speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, and so gRPC.
    Http2,
}

impl Protocol {
    /// Its name when a connection begins (RFC 7301, section 6; RFC 9113, section 3.2).
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        let name: &[u8] = match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        };
        vec![name.to_vec()]
    }
}
