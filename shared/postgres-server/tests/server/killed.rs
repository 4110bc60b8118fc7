//! Parents that are killed: their servers end with them, and what could not end is ended by the next start.

use std::{env, fs, path::Path, path::PathBuf, thread};

use postgres_server::PostgresServer;
use rustix::process::Pid;

use crate::harness::{Folder, Parent, is_alive, query, ready_pid, wait_until};

fn wait_for_ready(cluster: &Path) -> Pid {
    wait_until("the server is ready", || ready_pid(cluster).is_some());
    ready_pid(cluster).expect("it was ready a moment ago")
}

#[test]
fn a_server_ends_when_its_parent_is_killed() {
    let folder = Folder::open();
    let parent = Parent::of_kept(folder.path());
    let server = wait_for_ready(&folder.cluster());
    parent.kill();
    wait_until("the server is gone", || !is_alive(server));

    let next = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&next, "select 1"), "1");
}

#[test]
fn the_next_start_waits_for_a_server_that_is_just_ending() {
    let folder = Folder::open();
    let parent = Parent::of_kept(folder.path());
    wait_for_ready(&folder.cluster());
    parent.kill();

    let next = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&next, "select 1"), "1");
}

#[test]
fn a_temporary_server_leaves_nothing_when_its_parent_is_killed() {
    let temp = Folder::shared();
    let servers = || fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    let parent = Parent::of_temporary(temp.path());
    wait_until("there is a folder", || !servers().is_empty());
    let server = wait_for_ready(&servers()[0].join("cluster"));
    parent.kill();
    wait_until("the server is gone", || !is_alive(server));
    wait_until("its folder is gone", || servers().is_empty());
}

#[test]
fn an_interrupted_creation_of_data_is_begun_again() {
    let folder = Folder::open();
    let parent = Parent::of_kept(folder.path());
    wait_until("the creation has begun", || folder.cluster().join("data.new").exists());
    parent.kill();

    let next = PostgresServer::start(folder.path()).unwrap();
    assert_eq!(query(&next, "select 1"), "1");
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_lost_its_watchdog_is_ended_by_the_next_start() {
    let folder = Folder::open();
    let parent = Parent::of_kept(folder.path());
    let server = wait_for_ready(&folder.cluster());
    linux::kill_watchdog_of(server);
    parent.kill();
    assert!(is_alive(server));

    let next = PostgresServer::start(folder.path()).unwrap();
    assert!(ready_pid(&folder.cluster()) != Some(server));
    assert_eq!(query(&next, "select 1"), "1");
}

#[test]
#[ignore = "run by other tests in a process of its own, to be killed"]
fn holds_a_server() {
    let _server = match env::var_os("DIRECTORY") {
        Some(directory) => PostgresServer::start(Path::new(&directory)).unwrap(),
        None => PostgresServer::temporary().unwrap(),
    };
    loop {
        thread::park();
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use rustix::process::{Pid, Signal, kill_process};

    /// Kills the rest of the server's process group: the watchdog and its watcher.
    pub fn kill_watchdog_of(server: Pid) {
        let group = group(server).expect("the server runs");
        let processes = fs::read_dir("/proc").expect("Linux has it");
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Pid::from_raw)
            .filter(|process| *process != server && self::group(*process).as_ref() == Some(&group))
            .for_each(|process| kill_process(process, Signal::KILL).expect("it is ours"));
    }

    /// The third field after the name in `/proc/PID/stat`; the name is in parentheses and may hold anything.
    fn group(process: Pid) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(2).map(str::to_owned)
    }
}
