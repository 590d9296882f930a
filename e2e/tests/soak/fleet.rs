//! Collectors and their database, each of which may be killed and started again on its port.

use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_testkit::postgres::Cluster;
use tidegate_testkit::{ServerProcess, built_binary, fixed_port};

use crate::clock::Clock;
use crate::random::Random;

/// For all of it to be up once nothing is killed any more.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two events of the script, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 100..1_500;

/// A collector with a port that it keeps.
struct Collector {
    port: u16,
    process: Option<ServerProcess>,
}

/// What there is of it.
#[derive(Debug, Clone, Copy)]
enum Part {
    Collector(usize),
    Postgres,
}

/// What the script has done.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) collector_kills: u32,
    pub(crate) postgres_kills: u32,
    /// Starts of a collector that ended at once, as they may while the database is away.
    pub(crate) vain_starts: u32,
}

pub(crate) struct Fleet {
    collectors: Vec<Collector>,
    /// The directory of all of them, as collectors with one database have it.
    data: TempDir,
    postgres: Option<Postgres>,
    pub(crate) events: Events,
}

struct Postgres {
    cluster: Cluster,
    url: String,
    is_up: bool,
}

impl Fleet {
    /// One collector with a file.
    pub(crate) fn sqlite() -> Self {
        Self::start(1, None)
    }

    /// Collectors that share a database, which keeps what it has confirmed.
    pub(crate) fn postgres(collectors: usize) -> Self {
        let cluster = Cluster::durable();
        let url = cluster.url(&cluster.create_database());
        Self::start(collectors, Some(Postgres { cluster, url, is_up: true }))
    }

    fn start(collectors: usize, postgres: Option<Postgres>) -> Self {
        let collector = |_| Collector { port: fixed_port(), process: None };
        let collectors = (0..collectors).map(collector).collect();
        let data = TempDir::new().expect("a directory");
        let mut fleet = Self { collectors, data, postgres, events: Events::default() };
        for at in 0..fleet.collectors.len() {
            fleet.start_collector(at).expect("a collector");
        }
        fleet
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.collectors.iter().map(|collector| collector.port).collect()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.ports().iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    /// Kills and starts one after another by chance, for a time, and then starts what is away.
    pub(crate) fn suffer(&mut self, seconds: u64, random: &mut Random) {
        let clock = Clock::start();
        // Each kind at least once, however short the time is.
        let postgres = self.postgres.iter().map(|_| Part::Postgres);
        let mut first: Vec<Part> = [Part::Collector(0)].into_iter().chain(postgres).collect();
        while clock.elapsed() < Duration::from_secs(seconds) || !first.is_empty() {
            let span = PAUSE_MS.end - PAUSE_MS.start;
            thread::park_timeout(Duration::from_millis(PAUSE_MS.start + random.below(span)));
            let (up, down) = self.parts();
            // Two of three events start something if there is something to start, so that most of
            // it is up most of the time, and now and then all of it is away.
            let kills = down.is_empty() || !up.is_empty() && random.below(3) == 0;
            let part = first.pop().unwrap_or_else(|| *random.of(if kills { &up } else { &down }));
            self.turn(part);
        }
        self.recover();
    }

    /// Which parts are up, and which are down.
    ///
    /// # Panics
    /// If a collector has ended that nobody has killed.
    fn parts(&mut self) -> (Vec<Part>, Vec<Part>) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (at, collector) in self.collectors.iter_mut().enumerate() {
            if let Some(process) = &mut collector.process
                && let Some(status) = process.ended()
            {
                let said = process.unread_lines();
                panic!("collector {at} ended by itself ({status}); it said {said:#?}");
            }
            let list = if collector.process.is_some() { &mut up } else { &mut down };
            list.push(Part::Collector(at));
        }
        if let Some(postgres) = &self.postgres {
            let list = if postgres.is_up { &mut up } else { &mut down };
            list.push(Part::Postgres);
        }
        (up, down)
    }

    /// Kills what is up, and starts what is down.
    fn turn(&mut self, part: Part) {
        match part {
            Part::Collector(at) => match self.collectors[at].process.take() {
                Some(process) => {
                    process.kill();
                    self.events.collector_kills += 1;
                }
                None if self.start_collector(at).is_err() => self.events.vain_starts += 1,
                None => {}
            },
            Part::Postgres => {
                let postgres = self.postgres.as_mut().expect("a part that there is");
                if postgres.is_up {
                    postgres.cluster.kill();
                    self.events.postgres_kills += 1;
                } else {
                    postgres.cluster.start_again();
                }
                postgres.is_up = !postgres.is_up;
            }
        }
    }

    fn start_collector(&mut self, at: usize) -> Result<(), String> {
        let Collector { port, process } = &mut self.collectors[at];
        let address = format!("127.0.0.1:{port}");
        let database = self.postgres.iter().flat_map(|it| ["--database", &it.url]);
        let database: Vec<&str> = database.collect();
        let started =
            ServerProcess::start_at(&address, &built_binary(), self.data.path(), &database);
        *process = Some(started?);
        Ok(())
    }

    fn recover(&mut self) {
        let clock = Clock::start();
        if self.postgres.as_ref().is_some_and(|postgres| !postgres.is_up) {
            self.turn(Part::Postgres);
        }
        for at in 0..self.collectors.len() {
            while self.collectors[at].process.is_none() {
                let Err(error) = self.start_collector(at) else { break };
                assert!(clock.elapsed() < DEADLINE, "collector {at} does not come up: {error}");
                thread::park_timeout(Duration::from_millis(100));
            }
        }
    }

    /// What the collectors said last, to show with a failure.
    pub(crate) fn said(&self) -> String {
        let mut text = String::new();
        for (at, collector) in self.collectors.iter().enumerate() {
            let lines = collector.process.iter().flat_map(ServerProcess::unread_lines);
            let lines: Vec<String> = lines.collect();
            let last = &lines[lines.len().saturating_sub(20)..];
            text.push_str(&format!("collector {at}: {last:#?}\n"));
        }
        text
    }
}
