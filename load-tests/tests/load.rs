//! The program against a shop of a few lines, which can stand still.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command, sync::Mutex, time::sleep};

/// Answers what the scenario `get-user` asks.
struct Shop {
    url: String,
}

impl Shop {
    /// `answer` is given for an account, as late as the door is held.
    async fn open(answer: StatusCode, door: Arc<Mutex<()>>) -> Self {
        let account = async || (StatusCode::CREATED, Json(json!({ "id": "1" })));
        let session = async || (StatusCode::CREATED, Json(json!({ "access_token": "t", "expires_in": 600 })));
        let look = move || {
            let door = door.clone();
            async move {
                drop(door.lock().await);
                (answer, Json(json!({})))
            }
        };
        let router = Router::new()
            .route("/v1/users", post(account))
            .route("/v1/sessions", post(session))
            .route("/v1/users/{id}", get(look));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url }
    }

    async fn load(&self, arguments: &[&str]) -> Output {
        load(&[&["--target", &self.url, "--scenario", "get-user", "--warm-up", "0"], arguments].concat()).await
    }
}

async fn load(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_load")).args(arguments).output().await.unwrap()
}

/// A folder for what is written.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn thresholds(&self, text: &str) -> String {
        let path = self.file("thresholds.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn report(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// What the report of a run with these arguments says, while the shop stands still for a second.
async fn while_it_stands_still(arguments: &[&str]) -> Value {
    let (door, folder) = (Arc::new(Mutex::new(())), Folder::new());
    let shop = Shop::open(StatusCode::OK, door.clone()).await;
    let json = folder.file("report.json");
    let thresholds = folder.thresholds("");
    let common = ["--duration", "4", "--thresholds", &thresholds, "--json", json.to_str().unwrap()];
    let arguments = [&common, arguments].concat();
    let stands_still = async {
        sleep(Duration::from_secs(2)).await;
        let closed = door.lock().await;
        sleep(Duration::from_secs(1)).await;
        drop(closed);
    };
    let (output, ()) = tokio::join!(shop.load(&arguments), stands_still);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    report(&json)
}

#[tokio::test]
async fn who_comes_while_the_shop_stands_still_is_seen() {
    let report = while_it_stands_still(&["--rate", "100"]).await;
    // A quarter of all came then, and waited half a second on average.
    assert!(report["latency_ms"]["p90"].as_f64().unwrap() > 300.0, "{report}");
    assert_eq!(report["iterations"], 400, "everybody is counted: {report}");
    assert_eq!(report["failed"], 0, "{report}");
    // Signing up and in is answered with 201.
    assert_eq!(report["statuses"], json!({ "200": 400 }), "only what was measured is counted: {report}");
}

#[tokio::test]
async fn a_closed_loop_hides_it() {
    let report = while_it_stands_still(&["--closed", "1"]).await;
    assert!(report["latency_ms"]["p99"].as_f64().unwrap() < 300.0, "{report}");
    assert!(report["latency_ms"]["max"].as_f64().unwrap() > 500.0, "one was there: {report}");
}

#[tokio::test]
async fn a_missed_threshold_is_named_and_the_code_is_1() {
    let folder = Folder::new();
    let shop = Shop::open(StatusCode::OK, Arc::default()).await;
    let (thresholds, html) = (folder.thresholds("[get-user]\np50 = 0.000001\nerrors = 0.0"), folder.file("page.html"));
    let arguments = ["--duration", "1", "--thresholds", &thresholds, "--html", html.to_str().unwrap()];
    let output = shop.load(&arguments).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("missed: p50 is"), "{}", text(&output.stdout));
    let page = fs::read_to_string(html).unwrap();
    assert!(page.contains("p50 is") && page.contains("<svg"), "{page}");
    assert!(!page.contains("http-equiv") && !page.contains("<script") && !page.contains("src="), "nothing is fetched");
}

#[tokio::test]
async fn an_answer_that_was_not_expected_is_a_failure() {
    let folder = Folder::new();
    let shop = Shop::open(StatusCode::TOO_MANY_REQUESTS, Arc::default()).await;
    let thresholds = folder.thresholds("[get-user]\nerrors = 0.5");
    let output = shop.load(&["--duration", "1", "--thresholds", &thresholds]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("429") && said.contains("--rate-limit off"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_run_is_one_clear_line_and_the_code_is_2() {
    let folder = Folder::new();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let strange = folder.thresholds("[shoplifting]\np50 = 1");
    let cases: [(&[&str], &str); 4] = [
        (&["--target", &url], "no connection"),
        (&["--target", "ftp://127.0.0.1"], "not a gateway's URL"),
        (&["--thresholds", &strange], "shoplifting"),
        (&["--thresholds", "/nowhere.toml"], "/nowhere.toml"),
    ];
    for (arguments, expected) in cases {
        let output = load(arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(load(&["--scenario", "shoplifting"]).await.status.code(), Some(2));
    assert_eq!(load(&["--rate", "0"]).await.status.code(), Some(2));
    assert_eq!(load(&["--rate", "10", "--closed", "10"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn too_many_at_once_have_failed_instead_of_waiting_unseen() {
    let (door, folder) = (Arc::new(Mutex::new(())), Folder::new());
    let shop = Shop::open(StatusCode::OK, door.clone()).await;
    let (json, thresholds) = (folder.file("report.json"), folder.thresholds(""));
    let arguments = ["--duration", "2", "--rate", "50", "--max-in-flight", "5", "--thresholds", &thresholds];
    let arguments = [&arguments[..], &["--json", json.to_str().unwrap()]].concat();
    let began = Instant::now();
    let closed = door.lock().await;
    let opens_late = async {
        sleep(Duration::from_secs(3)).await;
        drop(closed);
    };
    let (output, ()) = tokio::join!(shop.load(&arguments), opens_late);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = report(&json);
    assert_eq!(report["failed"], 95, "{report}");
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waits for more than there is");
}
