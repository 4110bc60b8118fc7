//! A server that is taken for Consul, and answers every request at once with what it is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, timeout},
};

use crate::harness::PATIENCE;

pub struct Liar {
    pub url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    requests: watch::Receiver<Vec<String>>,
}

impl Liar {
    pub async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(answer.into()));
        let (requested, requests) = watch::channel(Vec::new());
        let says = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requested, answer) = (requested.clone(), says.lock().unwrap().clone());
                tokio::spawn(serve(stream, answer, requested));
            }
        });
        Self { url, answer, requests }
    }

    pub fn say(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    /// The first lines of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// Waits for so many more requests. How long it took.
    pub async fn asked(&self, times: usize) -> Duration {
        let mut requests = self.requests.clone();
        let (began, enough) = (Instant::now(), requests.borrow().len() + times);
        timeout(PATIENCE, requests.wait_for(|requests| requests.len() >= enough)).await.expect("nobody asks").unwrap();
        began.elapsed()
    }
}

async fn serve(mut stream: TcpStream, answer: Vec<u8>, requested: watch::Sender<Vec<String>>) {
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..length]);
    requested.send_modify(|requests| requests.push(request.lines().next().unwrap_or_default().to_owned()));
    let _ = stream.write_all(&answer).await;
}

/// An answer of this status, with an index and this body. Nothing else comes on its connection.
pub fn http(status: &str, index: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nX-Consul-Index: {index}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The list of these instances of `web`, each as id, address and port.
pub fn instances(index: &str, instances: &[(&str, &str, u16)]) -> String {
    let instances: Vec<_> = instances.iter().map(|(id, address, port)| instance(id, address, *port)).collect();
    http("200 OK", index, &format!("[{}]", instances.join(",")))
}

fn instance(id: &str, address: &str, port: u16) -> String {
    format!(
        r#"{{"Node": {{"Node": "n", "Address": "10.0.0.9"}},
            "Service": {{"ID": "{id}", "Service": "web", "Address": "{address}", "Port": {port}}}}}"#
    )
}
