//! Clusters of PostgreSQL: what they keep, and that they leave nothing behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tidegate_testkit::postgres::{Cluster, Server, shared};

fn value(server: &Server, database: &str, sql: &str) -> String {
    let [line] = &server.query(database, sql)[..] else { panic!("not one row: {sql}") };
    line.clone()
}

/// The process of a cluster, by what is in its folder.
fn postmaster(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).expect("a file");
    text.lines().next().expect("a line").trim().parse().expect("a number")
}

/// Not if it has only not been reaped yet, which is up to whoever inherited it.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[expect(clippy::disallowed_methods, reason = "waits for real processes")]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn databases_of_the_shared_server_are_empty_and_apart() {
    let server = shared();
    let (one, other) = (server.create_database(), server.create_database());
    drop(server.query(&one, "CREATE TABLE t AS SELECT 1 AS a"));
    assert_eq!(value(server, &one, "SELECT a, NULL, 'x' FROM t"), "1||x");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(value(server, &other, tables), "0");
    // Text sorts by a language, which bytes do not, and the day is not that of UTC.
    assert_eq!(value(server, &one, "SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\""), "t|f");
    assert_eq!(value(server, &one, "SHOW TimeZone"), "Asia/Kathmandu");
    for name in [one, other] {
        server.drop_database(&name);
    }
}

#[test]
fn a_durable_cluster_keeps_what_it_confirmed_through_kill_9() {
    let mut cluster = Cluster::durable();
    let database = cluster.create_database();
    for (setting, on) in [("fsync", "on"), ("synchronous_commit", "on"), ("max_connections", "200")]
    {
        assert_eq!(value(&cluster, &database, &format!("SHOW {setting}")), on, "{setting}");
    }
    drop(cluster.query(&database, "CREATE TABLE t (n int)"));
    let (url, port) = (cluster.url(&database), cluster.port());
    for round in 0..3 {
        drop(cluster.query(&database, &format!("INSERT INTO t VALUES ({round})")));
        let before = postmaster(cluster.socket_folder());
        cluster.kill();
        assert!(!is_alive(before));
        cluster.start_again();
        assert_eq!((cluster.url(&database), cluster.port()), (url.clone(), port));
        assert_eq!(value(&cluster, &database, "SELECT count(*) FROM t"), (round + 1).to_string());
    }
    assert!(cluster.log().contains("automatic recovery in progress"), "{}", cluster.log());
}

#[test]
fn the_end_of_a_cluster_leaves_nothing_even_in_a_panic() {
    let seen = |cluster: &Cluster| {
        let folder = cluster.socket_folder().to_owned();
        (postmaster(&folder), folder)
    };
    let gone = |(pid, folder): (u32, PathBuf)| {
        assert!(!is_alive(pid));
        assert!(!folder.exists());
    };
    let cluster = Cluster::quick_with(&[("work_mem", "1234kB")]).expect("a cluster");
    assert_eq!(value(&cluster, "postgres", "SHOW work_mem"), "1234kB");
    assert_eq!(value(&cluster, "postgres", "SHOW fsync"), "off");
    let first = seen(&cluster);
    drop(cluster);
    gone(first);

    let mut second = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let cluster = Cluster::quick();
        second = Some(seen(&cluster));
        panic!("on purpose");
    }));
    assert!(result.is_err());
    gone(second.expect("it was started"));
}

#[test]
fn a_setting_that_postgres_refuses_is_an_error_with_its_words() {
    let refused = Cluster::quick_with(&[("no_such_setting", "1")]);
    let error = refused.expect_err("an unknown setting").to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}

#[test]
fn a_cluster_ends_with_the_program_that_started_it_even_by_kill_9() {
    let test = std::env::current_exe().expect("a test executable");
    // target/<profile>/deps/<test>
    let program = test.ancestors().nth(2).expect("a folder").join("examples/postgres");
    let mut parent = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example `postgres` is built");
    let lines = BufReader::new(parent.stdout.take().expect("piped")).lines();
    let lines: Vec<String> = lines.take(2).collect::<Result<_, _>>().expect("two lines");
    let [url, folder] = &lines[..] else { panic!("{lines:?}") };
    assert!(url.starts_with("postgres://postgres:"), "{url}");
    let folder = Path::new(folder);
    let pid = postmaster(folder);
    assert!(is_alive(pid));
    parent.kill().expect("alive until now");
    parent.wait().expect("reaped");
    wait_until("the server ends", || !is_alive(pid));
    wait_until("its folder is removed", || !folder.exists());
}
