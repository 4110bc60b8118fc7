//! A shop on free ports, and a customer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use uuid::Uuid;

/// Nothing here takes as long as this.
const PATIENCE: Duration = Duration::from_secs(60);

const PORTS: [&str; 5] = ["--port", "--ops-port", "--users-port", "--users-http-port", "--orders-port"];

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("joist-up-{}", Uuid::now_v7())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running shop.
pub struct Shop {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    pub api: String,
    pub welcome: Vec<String>,
    operations: Option<String>,
    /// What was read since the welcome.
    said: String,
}

/// The command, with a free port wherever the arguments do not say.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_joist"));
    // Customers here are quicker than people, and bring their own accounts.
    command.arg("--data").arg(data).args(["--rate-limit", "off", "--demo", "off"]).args(arguments).kill_on_drop(true);
    for port in PORTS.iter().filter(|port| !arguments.contains(port)) {
        command.args([port, "0"]);
    }
    // As on a machine without root certificates: nothing here speaks TLS.
    command.envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Shop {
    /// Waits for the welcome.
    pub async fn open(data: &Path, arguments: &[&str]) -> Self {
        Self::open_by(command(data, arguments)).await
    }

    pub async fn open_by(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut welcome = Vec::new();
        while let Some(line) = timeout(PATIENCE, output.next_line()).await.unwrap().unwrap() {
            welcome.push(line.clone());
            if line.starts_with("Ctrl-C") {
                let api = welcome.iter().find_map(|line| line.trim().strip_prefix("API=")).unwrap().to_owned();
                return Self { child, output, api, welcome, operations: None, said: String::new() };
            }
        }
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).await.unwrap();
        panic!("the shop did not open: {complaint}");
    }

    /// Where the gateways are, the first one first, as the welcome tells.
    pub fn gateways(&self) -> Vec<String> {
        let others = self.welcome.iter().filter_map(|line| line.trim().strip_prefix("and          gateway "));
        let others = others.map(|line| format!("http://{}", line.split(',').next().unwrap()));
        std::iter::once(self.api.clone()).chain(others).collect()
    }

    /// What `/readyz?verbose` says.
    pub async fn report(&mut self) -> String {
        if self.operations.is_none() {
            let mut operations = self.welcome.iter().find_map(|line| operations(line));
            while operations.is_none() {
                let line = timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap().unwrap();
                operations = self::operations(&line);
                self.said += &format!("{line}\n");
            }
            self.operations = operations;
        }
        let url = format!("http://{}/readyz?verbose", self.operations.as_ref().unwrap());
        client().get(url).send().await.unwrap().text().await.unwrap()
    }

    pub fn customer(&self) -> Customer {
        Customer { client: client(), api: self.api.clone(), token: None }
    }

    /// What the process has of the machine's memory.
    #[cfg(target_os = "linux")]
    pub fn resident_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits until it says this.
    pub async fn says(&mut self, words: &str) {
        while !timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap().unwrap().contains(words) {}
    }

    /// How it ended, and what it said from the welcome on.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let mut said = self.said;
        while let Some(line) = timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap() {
            said.push_str(&line);
            said.push('\n');
        }
        timeout(PATIENCE, self.child.stderr.take().unwrap().read_to_string(&mut said)).await.unwrap().unwrap();
        (timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap(), said)
    }
}

/// The address, if this is the line of the log that tells it.
fn operations(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["operations"].as_str()?.to_owned())
}

pub fn client() -> Client {
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Runs to its end without ever opening.
pub async fn refused(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = timeout(PATIENCE, command(data, arguments).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[derive(Clone)]
pub struct Customer {
    client: Client,
    pub api: String,
    token: Option<String>,
}

impl Customer {
    pub async fn signed_up(mut self, email: &str) -> (Self, Value) {
        let account = json!({ "email": email, "display_name": "Ada", "password": "correct horse" });
        let (status, user) = self.send(Method::POST, "/v1/users", Some(account)).await;
        assert_eq!(status, 201, "{user}");
        self.sign_in(email, "correct horse").await;
        (self, user)
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) {
        let credentials = json!({ "email": email, "password": password });
        let (status, session) = self.send(Method::POST, "/v1/sessions", Some(credentials)).await;
        assert_eq!(status, 201, "{session}");
        self.token = Some(session["access_token"].as_str().unwrap().to_owned());
    }

    /// The same one at another gateway.
    pub fn at(&self, gateway: String) -> Self {
        Self { api: gateway, ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Watches an order until it is settled; returns how it is then.
    pub async fn settled(&self, order: &Value) -> Value {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
        let events = self.request(Method::GET, &format!("{path}/events")).send().await.unwrap();
        // It ends with the order's last state.
        events.error_for_status().unwrap().bytes().await.unwrap();
        self.get(&path).await.1
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.api));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}
