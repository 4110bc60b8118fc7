//! Temporary servers.

use std::path::{Path, PathBuf};

use postgres_server::PostgresServer;

use crate::harness::{query, test_process};

fn folder(server: &PostgresServer) -> PathBuf {
    let data = query(server, "show data_directory");
    Path::new(&data).ancestors().nth(2).expect("it is FOLDER/cluster/data").to_owned()
}

#[test]
fn a_temporary_server_answers_and_leaves_nothing() {
    let server = PostgresServer::temporary().unwrap();
    let folder = folder(&server);
    assert!(folder.exists());
    server.stop().unwrap();
    assert!(!folder.exists());
}

#[test]
fn dropping_a_server_stops_it() {
    let server = PostgresServer::temporary().unwrap();
    let folder = folder(&server);
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn temporary_servers_run_side_by_side() {
    let servers = [(); 3].map(|()| PostgresServer::temporary().unwrap());
    for (name, server) in ["a", "b", "c"].iter().zip(&servers) {
        query(server, &format!("create table {name} ()"));
    }
    let tables = "select string_agg(relname, ',') from pg_class where relname in ('a', 'b', 'c')";
    assert_eq!(servers.map(|server| query(&server, tables)), ["a", "b", "c"]);
}

#[test]
fn a_wrong_pg_bin_is_named_in_the_error() {
    let output = test_process("temporary::starts_a_server").env("PG_BIN", "/no/such/folder").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("PG_BIN is `/no/such/folder`"), "{said}");
}

#[test]
#[ignore = "run by other tests in a process of its own, because an environment is of a process"]
fn starts_a_server() {
    PostgresServer::temporary().unwrap_or_else(|error| panic!("{error}"));
}
