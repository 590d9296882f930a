//! The thread that keeps the index: it follows the journal, and hurries for objects asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::changes::{self, Read};
use super::super::writer::Writer;
use super::apply::{Work, apply};
use super::figures::Interned;
use super::lag::Shared;
use super::{named, schema, summaries};
use crate::store::StoreError;
use crate::store::index::{QUIET, STEP_ROWS};

/// How often the journal is looked at while nothing happens.
const POLL: Duration = Duration::from_millis(200);
/// How long to wait after an error, which is most often a full disk.
const RETRY: Duration = Duration::from_secs(5);
/// Entries read at once; each has at most a few thousand rows.
const STEP_ENTRIES: usize = 64;
/// How often the log is synced and the journal cut while there is always something to do.
const TRIM_EVERY: Duration = Duration::from_secs(5);

/// Bring these objects (`objects.number`) up to date, then say so.
#[derive(Debug)]
pub(super) struct Demand {
    pub(super) objects: Vec<i64>,
    pub(super) done: oneshot::Sender<()>,
}

pub(super) struct Follower {
    /// Reads only, statement by statement: a snapshot held by a thread of low priority would keep
    /// the log of the rows from starting over, and with it the writer. Rows may so be newer than
    /// the journal's entry that named them; a later entry then names them again.
    pub(super) main: Connection,
    pub(super) index: Connection,
    pub(super) names: Interned,
    pub(super) writer: Weak<Writer>,
    pub(super) shared: Arc<Shared>,
    /// Place up to which the journal may be cut: synced.
    pub(super) trimmed: i64,
    pub(super) trimmed_at: Instant,
    /// Objects whose summary is out of date, and when they changed.
    pub(super) unsummarized: BTreeMap<i64, Instant>,
}

/// How far the index is.
struct State {
    journal: i64,
    scanned: Option<i64>,
}

impl Follower {
    /// Runs until the senders of demands are gone.
    pub(super) fn run(mut self, demands: &Receiver<Demand>) {
        lower_priority();
        let mut wait = Duration::ZERO;
        loop {
            let demand = match demands.recv_timeout(wait) {
                Ok(demand) => Some(demand),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let result = match demand {
                Some(demand) => self.serve(demand),
                None => self.step(),
            };
            wait = match result {
                Ok(true) => Duration::ZERO,
                Ok(false) => POLL,
                Err(error) => {
                    tracing::error!(target: "server::index", error = ?error, "indexing failed");
                    self.names.forget();
                    self.shared.failed();
                    RETRY
                }
            };
        }
        if let Err(error) = self.trim() {
            tracing::warn!(target: "server::index", error = ?error, "closing the index failed");
        }
    }

    fn serve(&mut self, demand: Demand) -> Result<bool, StoreError> {
        for object in demand.objects {
            if demand.done.is_closed() {
                return Ok(true);
            }
            self.catch_up(object)?;
        }
        // Nobody waits any more: the work is done all the same.
        demand.done.send(()).ok();
        Ok(true)
    }

    /// Does the next piece of work; `false` if there was none.
    fn step(&mut self) -> Result<bool, StoreError> {
        let state = self.state()?;
        let busy = match state.scanned {
            Some(after) => self.scan(after)?,
            None => self.follow(state.journal)?,
        };
        let busy = busy | named::follow_earlier(&self.main, &self.index)?;
        self.measure()?;
        if !busy {
            if self.state()?.journal > self.trimmed {
                self.trim()?;
            }
            return self.summarize_one();
        }
        if self.trimmed_at.elapsed() > TRIM_EVERY {
            self.trim()?;
        }
        Ok(true)
    }

    /// Sums up one object that changed and is quiet now; `false` if there was none. Until then a
    /// list that shows it sums it up by itself.
    fn summarize_one(&mut self) -> Result<bool, StoreError> {
        let quiet = |since: &Instant| since.elapsed() > QUIET;
        let found = self.unsummarized.iter().find(|(_, since)| quiet(since));
        let Some(object) = found.map(|(object, _)| *object) else { return Ok(false) };
        self.unsummarized.remove(&object);
        let kind: Option<String> = self
            .main
            .prepare_cached("SELECT kind FROM objects WHERE number = ?1")?
            .query_row([object], |row| row.get(0))
            .optional()?;
        // Nothing else is listed with its scores.
        if kind.as_deref() == Some("experiment") {
            summaries::refresh(&self.index, object)?;
        }
        Ok(true)
    }

    fn state(&self) -> Result<State, StoreError> {
        let state = self
            .index
            .prepare_cached("SELECT journal, scanned FROM index_state")?
            .query_row([], |row| Ok(State { journal: row.get(0)?, scanned: row.get(1)? }))?;
        Ok(state)
    }

    /// Indexes what the next entries of the journal name.
    fn follow(&mut self, journal: i64) -> Result<bool, StoreError> {
        let main = &self.main;
        let Read::Entries(entries) = changes::read_after(main, journal, STEP_ENTRIES)? else {
            self.restart()?;
            return Ok(true);
        };
        if entries.is_empty() {
            return Ok(false);
        }
        let index = self.index.unchecked_transaction()?;
        let (mut work, mut through) = (Work::default(), journal);
        for entry in entries {
            through = entry.number;
            if ahead(&index, entry.object)?.is_none_or(|ahead| ahead < entry.number) {
                work.add(main, &index, entry.object, &entry.rows)?;
            }
            if work.size() >= STEP_ROWS {
                break;
            }
        }
        let changed = apply(main, &index, &mut self.names, work)?;
        index.prepare_cached("UPDATE index_state SET journal = ?1")?.execute([through])?;
        index.commit()?;
        note_changed(&mut self.unsummarized, &self.shared, changed);
        Ok(true)
    }

    /// Indexes the next rows of all, in the order of their making.
    fn scan(&mut self, after: i64) -> Result<bool, StoreError> {
        let main = &self.main;
        let index = self.index.unchecked_transaction()?;
        let numbers = main
            .prepare_cached("SELECT number FROM rows WHERE number > ?1 ORDER BY number LIMIT ?2")?
            .query_map([after, STEP_ROWS as i64], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        let mut work = Work::default();
        for number in &numbers {
            work.add_row(main, &index, *number)?;
        }
        let changed = apply(main, &index, &mut self.names, work)?;
        index.prepare_cached("UPDATE index_state SET scanned = ?1")?.execute([numbers.last()])?;
        index.commit()?;
        note_changed(&mut self.unsummarized, &self.shared, changed);
        Ok(true)
    }

    /// Brings one object up to the present end of the journal, before all others.
    fn catch_up(&mut self, object: i64) -> Result<(), StoreError> {
        let newest = changes::newest(&self.main)?;
        let State { mut journal, scanned } = self.state()?;
        let known = ahead(&self.index, object)?;
        if scanned.is_some() && known.is_none() {
            self.scan_object(object)?;
        }
        // After a scan as well: what it came upon before may be gone by now.
        journal = journal.max(known.unwrap_or_default());
        while journal < newest {
            match self.follow_object(object, journal, newest)? {
                Some(next) => journal = next,
                None => {
                    self.restart()?;
                    self.scan_object(object)?;
                    break;
                }
            }
        }
        self.index
            .prepare_cached(
                "INSERT INTO tallies (number, through) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET through = ?2",
            )?
            .execute([object, newest])?;
        Ok(())
    }

    /// Indexes an object's part of the journal, up to [`STEP_ROWS`]; returns how far it came, or
    /// `None` if entries are gone.
    fn follow_object(
        &mut self,
        object: i64,
        after: i64,
        newest: i64,
    ) -> Result<Option<i64>, StoreError> {
        let main = &self.main;
        let index = self.index.unchecked_transaction()?;
        let (mut work, mut after) = (Work::default(), after);
        while after < newest && work.size() < STEP_ROWS {
            let Read::Entries(entries) = changes::read_after(main, after, STEP_ENTRIES)? else {
                return Ok(None);
            };
            let Some(last) = entries.last() else { break };
            after = last.number;
            for entry in entries.iter().filter(|entry| entry.object == object) {
                work.add(main, &index, object, &entry.rows)?;
            }
        }
        let changed = apply(main, &index, &mut self.names, work)?;
        index.commit()?;
        note_changed(&mut self.unsummarized, &self.shared, changed);
        Ok(Some(after))
    }

    /// Begins anew, from all rows.
    fn restart(&mut self) -> Result<(), StoreError> {
        tracing::warn!(target: "server::index", "fell behind the journal; building anew");
        self.names.forget();
        self.unsummarized.clear();
        schema::restart(&self.index, &self.main)
    }

    /// Indexes all rows of an object, while the scan of everything has not come to it. What moves
    /// meanwhile is in the journal.
    fn scan_object(&mut self, object: i64) -> Result<(), StoreError> {
        let (mut trace, mut number) = (Value::Null, 0_i64);
        loop {
            let main = &self.main;
            let index = self.index.unchecked_transaction()?;
            // NULL comes before all and compares with nothing: rows without a trace go first.
            let sql = match trace {
                Value::Null => {
                    "SELECT number, root_span_id FROM rows
                     WHERE object = ?1 AND root_span_id IS NULL AND number > ?3
                       AND ?2 IS NULL ORDER BY number LIMIT ?4"
                }
                _ => {
                    "SELECT number, root_span_id FROM rows
                     WHERE object = ?1 AND (root_span_id, number) > (?2, ?3)
                     ORDER BY root_span_id, number LIMIT ?4"
                }
            };
            let places = main
                .prepare_cached(sql)?
                .query_map(params![object, trace, number, STEP_ROWS as i64], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<Result<Vec<(i64, Value)>, _>>()?;
            let mut work = Work::default();
            for (number, _) in &places {
                work.add_row(main, &index, *number)?;
            }
            let changed = apply(main, &index, &mut self.names, work)?;
            index.commit()?;
            note_changed(&mut self.unsummarized, &self.shared, changed);
            match (places.into_iter().next_back(), &trace) {
                (Some(last), _) => (number, trace) = last,
                // The least of all texts; ids as bytes come after every text.
                (None, Value::Null) => (number, trace) = (0, Value::Text(String::new())),
                (None, _) => return Ok(()),
            }
        }
    }

    /// Syncs the index and lets go of the journal up to there.
    fn trim(&mut self) -> Result<(), StoreError> {
        self.trimmed_at = Instant::now();
        let journal = self.state()?.journal;
        // Syncs the log before it copies anything, so that all commits so far are durable even if
        // a reader keeps it from copying all of them.
        let busy: i64 =
            self.index.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0))?;
        if busy == 0
            && let Some(writer) = self.writer.upgrade()
        {
            let cut = move |connection: &Connection| {
                changes::delete_through(connection, journal).map(drop)
            };
            if writer.offer(cut) {
                self.trimmed = journal;
            }
        }
        Ok(())
    }

    fn measure(&mut self) -> Result<(), StoreError> {
        let state = self.state()?;
        let left = match state.scanned {
            None => 0,
            Some(scanned) => {
                let last: Option<i64> =
                    self.main.query_row("SELECT max(number) FROM rows", [], |row| row.get(0))?;
                (last.unwrap_or_default() - scanned).max(0)
            }
        };
        self.shared.measure(&self.main, state.journal, state.scanned.is_some(), left)
    }
}

fn note_changed(noted: &mut BTreeMap<i64, Instant>, shared: &Shared, objects: BTreeSet<i64>) {
    let now = Instant::now();
    shared.touched.note(objects.iter().copied());
    noted.extend(objects.into_iter().map(|object| (object, now)));
}

/// Where an object is ahead of the place in the journal up to which all is indexed.
fn ahead(index: &Connection, object: i64) -> Result<Option<i64>, StoreError> {
    let through = index
        .prepare_cached("SELECT through FROM tallies WHERE number = ?1")?
        .query_row([object], |row| row.get(0))
        .optional()?;
    Ok(through.flatten())
}

/// Gives way to requests and to the writer when there are not cores enough for all.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        const NICE: i32 = 10;
        // On Linux this is the priority of the calling thread alone.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(target: "server::index", error = ?error, "priority not lowered");
        }
    }
}
