//! A connection to the gateway, as a client has it who writes its own bytes.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

/// A request without a body.
pub const PRODUCTS: &str = "GET /v1/products HTTP/1.1\r\nHost: shop.example\r\n\r\n";

/// The same, after which the connection ends.
pub const LAST: &str = "GET /v1/products HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";

pub const CREDENTIALS: &str = r#"{"email": "ada@example.com", "password": "correct horse"}"#;

/// The head of a request whose body is [`CREDENTIALS`].
pub fn sign_in() -> String {
    let length = CREDENTIALS.len();
    format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

pub struct Wire<S = TcpStream>(pub S);

impl Wire {
    pub async fn to(gateway: SocketAddr) -> Self {
        Self(TcpStream::connect(gateway).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// All that comes until the connection ends, however that is.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
        String::from_utf8(rest).unwrap()
    }

    /// The next answer, which has a length.
    pub async fn answer(&mut self) -> String {
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            answer.push(self.0.read_u8().await.unwrap().into());
        }
        let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        answer + str::from_utf8(&body).unwrap()
    }

    /// What comes while it sends a byte a second, and when it has said this, until the connection ends.
    pub async fn dribble(self, text: &str) -> String {
        let (reader, mut writer) = tokio::io::split(self.0);
        let send = async {
            for byte in text.bytes() {
                sleep(Duration::from_secs(1)).await;
                if writer.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
            std::future::pending().await
        };
        let mut answer = Vec::new();
        let mut reader = reader;
        tokio::select! {
            _ = reader.read_to_end(&mut answer) => {}
            () = send => {}
        }
        String::from_utf8(answer).unwrap()
    }
}

/// Asks on new connections until one is served.
pub async fn served(gateway: SocketAddr) -> String {
    loop {
        let mut wire = Wire::to(gateway).await;
        // It may have been closed already.
        let _ = wire.0.write_all(LAST.as_bytes()).await;
        match wire.rest().await {
            answer if answer.is_empty() => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
}
