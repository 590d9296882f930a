//! A cluster in a temporary directory, from `initdb` to its end.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::programs::{self, User};
use super::server::Server;
use crate::watchdog::Watchdog;
use crate::{random, wait};

/// For each of: to make it, to start it (with the recovery after a crash), to stop it.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often another port is tried.
const PORTS: u32 = 5;
/// Bytes at the end of the log that a failure shows.
const LOG_BYTES: usize = 16 << 10;

/// Stops the server and removes the folder. Twice, since `initdb` may have been at work: without its
/// folder it soon fails.
const LEFT_BEHIND: &str = r#"
if [ -d "$2" ]; then
    "$1/pg_ctl" -D "$2/data" -m immediate stop
    rm -rf "$2"
    sleep 1
    rm -rf "$2"
fi
"#;

/// As a server in production may be, and unlike what programs take for granted: text sorts by a
/// language, and days begin elsewhere. A query that relies on its own order or zone has to say so.
const INITDB: [&str; 8] = [
    "--username=postgres",
    // Cheaper than SCRAM in unoptimised tests, which make thousands of connections.
    "--auth=md5",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--no-instructions",
    "--no-sync",
];
const SETTINGS: [(&str, &str); 5] = [
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "200"),
    ("TimeZone", "Asia/Kathmandu"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %d "),
];
const DURABLE: [(&str, &str); 3] =
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];
const QUICK: [(&str, &str); 3] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// A PostgreSQL of its own: a process in a temporary directory that is stopped and removed when this
/// is dropped, or when this process ends in any way.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    postmaster: Postmaster,
    folder: Folder,
    // Last: it ends once the folder is gone.
    _watchdog: Watchdog,
}

impl Cluster {
    /// One that survives power loss, as in production: for tests about what is kept.
    ///
    /// # Panics
    /// If it cannot be started; with what it says.
    #[must_use]
    pub fn durable() -> Self {
        Self::start(&DURABLE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One that writes nothing through to the disk: for all tests that are not about what is kept.
    ///
    /// # Panics
    /// If it cannot be started; with what it says.
    #[must_use]
    pub fn quick() -> Self {
        Self::quick_with(&[]).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Cluster::quick`], with more settings of `postgresql.conf`, which win.
    ///
    /// # Errors
    /// It is not installed or does not start; with what it says.
    pub fn quick_with(settings: &[(&str, &str)]) -> io::Result<Self> {
        Self::start(&[&QUICK, settings].concat())
    }

    fn start(settings: &[(&str, &str)]) -> io::Result<Self> {
        let programs = programs::find()?;
        let user = programs::user()?;
        let folder = Folder::make(user)?;
        let shell = programs::command(Path::new("/bin/sh"), user, Path::new("/"));
        let arguments = [programs.as_os_str(), folder.0.as_os_str()];
        let watchdog = Watchdog::start(shell, LEFT_BEHIND, &arguments)?;
        let password = random::hex();
        initialise(&programs, user, &folder.0, &password)?;
        let settings = [&SETTINGS, settings].concat();
        let mut tries = 0;
        let postmaster = loop {
            let port = random::fixed_port();
            let mut postmaster = Postmaster::new(&programs, user, &folder.0, port, &settings);
            tries += 1;
            match postmaster.start() {
                Ok(()) => break postmaster,
                // Somebody was faster.
                Err(error) if tries < PORTS && error.to_string().contains("could not bind") => {}
                Err(error) => return Err(error),
            }
        };
        let base = format!("postgres://postgres:{password}@127.0.0.1:{}", postmaster.port);
        let server = Server::new(base, programs.join("psql"));
        Ok(Self { server, postmaster, folder, _watchdog: watchdog })
    }

    /// The folder with its Unix socket, for `host` in the settings of a connection.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.folder.0
    }

    /// Its TCP port, which it keeps.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.postmaster.port
    }

    /// Kills all of its processes without warning (SIGKILL), and waits for their end.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill(&mut self) {
        self.postmaster.kill();
    }

    /// Starts it again after [`Cluster::kill`], on the same port, and waits until it has recovered.
    ///
    /// # Panics
    /// If it does not start; with what it says.
    pub fn start_again(&mut self) {
        self.postmaster.start().unwrap_or_else(|error| panic!("{error}"));
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.folder.0)
    }
}

impl Deref for Cluster {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Not by a macro: what it prints belongs to whichever test runs on this thread.
            writeln!(io::stderr(), "--- log of PostgreSQL\n{}", self.log()).ok();
        }
        // The folder goes with it, so it need not write anything down.
        self.postmaster.stop();
    }
}

/// A temporary directory of the user's, which nobody else can look into.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make(user: Option<User>) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("tidegate-postgres-{}", random::hex()));
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        DirBuilder::new().mode(0o700).create(&path).map_err(named)?;
        let folder = Self(path.clone());
        if let Some(User { uid, gid }) = user {
            chown(&path, Some(uid), Some(gid)).map_err(named)?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn initialise(
    programs: &Path,
    user: Option<User>,
    folder: &Path,
    password: &str,
) -> io::Result<()> {
    let file = folder.join("password");
    fs::write(&file, password)?;
    if let Some(User { uid, gid }) = user {
        chown(&file, Some(uid), Some(gid))?;
    }
    let mut initdb = programs::command(&programs.join("initdb"), user, folder);
    initdb.args(INITDB).arg("--pwfile").arg(file).arg("--pgdata").arg(folder.join("data"));
    let output = initdb.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "PostgreSQL's initdb failed in {} ({}): {}",
        folder.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// The process `postgres`, and how to start it.
#[derive(Debug)]
struct Postmaster {
    command: Command,
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl Postmaster {
    fn new(
        programs: &Path,
        user: Option<User>,
        folder: &Path,
        port: u16,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut command = programs::command(&programs.join("postgres"), user, folder);
        command.arg("-D").arg(folder.join("data"));
        command.arg("-p").arg(port.to_string()).arg("-k").arg(folder);
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Self { command, child: None, folder: folder.to_owned(), port }
    }

    /// Starts it and waits until it takes connections.
    fn start(&mut self) -> io::Result<()> {
        let started = wait::until(DEADLINE, || match self.start_once() {
            // A killed server's processes may still be on their way out.
            Err(error) if error.to_string().contains("still in use") => None,
            result => Some(result),
        });
        started.unwrap_or_else(|| Err(self.failure("cannot start beside what an earlier one left")))
    }

    fn start_once(&mut self) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let before = log.metadata()?.len();
        let mut child = self.command.stdout(Stdio::null()).stderr(log).spawn()?;
        let end = wait::until(DEADLINE, || match child.try_wait() {
            Ok(None) => is_ready(&self.folder, child.id()).then_some(Ok(None)),
            ended => Some(ended),
        });
        match end {
            Some(Ok(None)) => {
                self.child = Some(child);
                Ok(())
            }
            Some(Ok(Some(status))) => {
                let said = fs::read(self.folder.join("log"))?;
                let said = said.get(usize::try_from(before).unwrap_or(0)..).unwrap_or_default();
                let said = String::from_utf8_lossy(said);
                Err(io::Error::other(format!("PostgreSQL ended ({status}): {}", said.trim())))
            }
            Some(Err(error)) => Err(error),
            None => {
                signal("-9", &[child.id()]);
                child.wait()?;
                Err(self.failure("does not come up"))
            }
        }
    }

    fn failure(&self, what: &str) -> io::Error {
        io::Error::other(format!("PostgreSQL {what}; the end of its log:\n{}", log(&self.folder)))
    }

    fn kill(&mut self) {
        let mut child = self.child.take().expect("a running PostgreSQL");
        // With its children: one in the middle of a statement would not notice at once.
        let mut all = children(child.id());
        all.insert(0, child.id());
        signal("-9", &all);
        child.wait().expect("its end");
    }

    /// Ends it at once, whatever it is doing.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal("-QUIT", &[child.id()]);
        let ended: Option<ExitStatus> = wait::until(DEADLINE, || child.try_wait().ok().flatten());
        if ended.is_none() {
            signal("-9", &[child.id()]);
            child.wait().ok();
        }
    }
}

/// Whether this process has written that it takes connections. What a killed one wrote has another
/// id in its first line.
fn is_ready(folder: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(folder.join("data/postmaster.pid")) else { return false };
    let mut lines = text.lines();
    let own = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    own && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Processes that this one has started; none where the system does not say.
fn children(pid: u32) -> Vec<u32> {
    let file = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Fails for those that have ended already, which is fine.
fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    Command::new("kill").arg(name).args(pids).stderr(Stdio::null()).status().ok();
}

fn log(folder: &Path) -> String {
    let bytes = fs::read(folder.join("log")).unwrap_or_default();
    let start = bytes.len().saturating_sub(LOG_BYTES);
    String::from_utf8_lossy(&bytes[start..]).into_owned()
}
