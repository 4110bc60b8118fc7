//! Servers with kept data.

use std::{fs, io::Write};

use postgres_server::{Error, PostgresServer};

use crate::harness::{Folder, is_root, query, ready_pid};

#[test]
fn data_and_password_survive_a_stop() {
    let folder = Folder::open();
    let first = PostgresServer::start(folder.path()).unwrap();
    let password = first.password().to_owned();
    query(&first, "create table notes (text text); insert into notes values ('kept')");
    first.stop().unwrap();
    assert_eq!(ready_pid(&folder.cluster()), None);

    let second = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&second, "select text from notes"), "kept");
    assert_eq!(second.password(), password);
}

#[test]
fn kept_data_are_durable_and_text_is_utf8() {
    let folder = Folder::open();
    let server = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&server, "show fsync"), "on");
    assert_eq!(query(&server, "show server_encoding"), "UTF8");
}

#[test]
fn a_second_start_on_the_same_data_is_refused() {
    let folder = Folder::open();
    let server = PostgresServer::start(folder.path()).unwrap();
    let refused = PostgresServer::start(folder.path()).unwrap_err();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");
    assert_eq!(query(&server, "select 1"), "1");
}

#[test]
fn a_wrong_password_is_refused() {
    let folder = Folder::open();
    let server = PostgresServer::start(folder.path()).unwrap();
    let psql = std::process::Command::new(server.programs().join("psql"))
        .args([server.url(), "--command", "select 1"])
        .env("PGPASSWORD", "wrong")
        .output()
        .unwrap();
    assert!(!psql.status.success());
}

#[test]
fn data_in_a_directory_closed_to_others_lie_elsewhere_for_root_only() {
    let (open, closed) = (Folder::open(), Folder::closed());
    for (folder, is_elsewhere) in [(&open, false), (&closed, is_root())] {
        let server = PostgresServer::start(folder.path()).unwrap();
        assert_eq!(query(&server, "select 1"), "1");
        assert_eq!(folder.cluster().is_symlink(), is_elsewhere);
    }
}

#[test]
fn the_password_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::open();
    let server = PostgresServer::start(folder.path()).unwrap();
    let password = folder.path().join("password");
    assert_eq!(fs::metadata(&password).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!format!("{server:?}").contains(server.password()));
    assert!(!folder.cluster().join("password").exists());
}

#[test]
fn data_of_a_version_that_is_not_installed_are_left_alone() {
    let folder = Folder::open();
    PostgresServer::start(folder.path()).unwrap().stop().unwrap();
    fs::write(folder.cluster().join("data/PG_VERSION"), "9\n").unwrap();

    let refused = PostgresServer::start(folder.path()).unwrap_err();
    assert!(matches!(refused, Error::Version { version: 9, .. }), "{refused}");
}

#[test]
fn a_failed_start_shows_the_end_of_the_log() {
    let folder = Folder::open();
    PostgresServer::start(folder.path()).unwrap().stop().unwrap();
    let settings = folder.cluster().join("data/postgresql.conf");
    let mut settings = fs::OpenOptions::new().append(true).open(settings).unwrap();
    settings.write_all(b"no_such_setting = 1\n").unwrap();

    let failed = PostgresServer::start(folder.path()).unwrap_err();
    assert!(failed.to_string().contains("no_such_setting"), "{failed}");
}

#[test]
fn a_stale_pid_file_does_not_keep_the_server_from_starting() {
    let folder = Folder::open();
    PostgresServer::start(folder.path()).unwrap().stop().unwrap();
    // A living process that has nothing to do with it, as after a restart of the machine.
    let stale = format!("{}\n/elsewhere\n1\n1\n\n127.0.0.1\n1\nready\n", std::process::id());
    fs::write(folder.cluster().join("data/postmaster.pid"), stale).unwrap();

    let server = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&server, "select 1"), "1");
}

#[test]
fn removed_data_are_gone_wherever_they_lie() {
    for folder in [Folder::open(), Folder::closed()] {
        PostgresServer::start(folder.path()).unwrap().stop().unwrap();
        let cluster = fs::canonicalize(folder.cluster()).unwrap();
        PostgresServer::remove(folder.path()).unwrap();
        assert!(!cluster.exists() && !folder.path().exists());
        PostgresServer::remove(folder.path()).unwrap();
    }
}

#[test]
fn data_in_use_are_not_removed() {
    let folder = Folder::open();
    let server = PostgresServer::start(folder.path()).unwrap();
    let refused = PostgresServer::remove(folder.path()).unwrap_err();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");
    assert_eq!(query(&server, "select 1"), "1");
}
