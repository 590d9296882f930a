//! Sending what earlier processes left in the spool.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tidegate_model::{MergeKey, Row, limits, merge};
use tokio::task::{JoinSet, spawn_blocking};

use crate::clock;
use crate::ids;
use crate::pipeline::Reply;
use crate::pipeline::backoff::{self, Random};
use crate::pipeline::batch::{ENVELOPE_BYTES, body_of};
use crate::spool::private_file;
use crate::spool::segment::{Contents, acks_of};

/// Requests at once; the spool is not in a hurry, and a live run may share the server.
const LANES: usize = 4;
const REJECTED_FILE: &str = "rejected.jsonl";

/// What one process left, with its lock: nobody else sends it while this value lives.
#[derive(Debug)]
pub(crate) struct Group {
    directory: PathBuf,
    lock_file: PathBuf,
    segments: Vec<PathBuf>,
    _lock: File,
}

/// What a drain did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drained {
    /// Records delivered.
    pub records: u64,
    /// Rows delivered, after coalescing within a segment.
    pub rows: u64,
    /// Segments sent and removed.
    pub segments: u64,
    /// Rows that the server refused for good, kept in `rejected.jsonl`.
    pub rejected_rows: u64,
    /// Bytes of half-written rows at the ends of segments. No `log()` had returned for them.
    pub torn_bytes: u64,
}

/// What is left in a directory of the spool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Segments whose process has ended.
    pub segments: u64,
    /// Segments that a living process writes.
    pub live_segments: u64,
    /// Bytes in all of them.
    pub bytes: u64,
    /// Records not delivered, in segments whose process has ended.
    pub records: u64,
}

/// Why a drain stopped; what was not delivered is still in the spool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrainError {
    /// A file of the spool cannot be read, written or removed.
    #[error("cannot use {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server refused the key.
    #[error("the server refused the key: {detail}")]
    Unauthorized {
        /// What the server said.
        detail: String,
    },
    /// The server did not take the rows until the deadline.
    #[error("the server does not take the rows: {detail}")]
    Unreachable {
        /// What happened last.
        detail: String,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DrainError {
    let path = path.to_owned();
    move |source| DrainError::File { path, source }
}

/// Finds what ended processes left in a directory, oldest first. What a living process holds
/// is left out.
pub(crate) fn groups(directory: &Path) -> io::Result<Vec<Group>> {
    Ok(scan(directory)?.0)
}

/// Counts what is in a directory without taking anything away.
///
/// # Errors
/// The directory or a segment in it cannot be read.
pub fn status(directory: &Path) -> io::Result<Status> {
    let (groups, live) = scan(directory)?;
    let mut status = Status::default();
    for path in &live {
        status.live_segments += 1;
        status.bytes += fs::metadata(path)?.len();
    }
    for path in groups.iter().flat_map(|group| &group.segments) {
        status.segments += 1;
        status.bytes += fs::metadata(path)?.len();
        status.records += Contents::read(path)?.rows().map(|(_, records)| records).sum::<u64>();
    }
    Ok(status)
}

fn scan(directory: &Path) -> io::Result<(Vec<Group>, Vec<PathBuf>)> {
    let mut segments: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(writer) = name.strip_suffix(".lock") {
            segments.entry(writer.to_owned()).or_default();
        } else if let Some((writer, _)) = name.strip_suffix(".seg").and_then(|n| n.split_once('-'))
        {
            segments.entry(writer.to_owned()).or_default().push(path.clone());
        }
    }
    let (mut groups, mut live) = (Vec::new(), Vec::new());
    let mut writers: Vec<_> = segments.into_iter().collect();
    // Writers are named by the time of their start.
    writers.sort();
    for (writer, mut segments) in writers {
        segments.sort();
        let lock_file = directory.join(format!("{writer}.lock"));
        let lock = OpenOptions::new().append(true).create(true).open(&lock_file)?;
        match lock.try_lock() {
            Ok(()) => {
                // Another drain may have finished between the listing and the lock.
                segments.retain(|path| path.exists());
                let directory = directory.to_owned();
                groups.push(Group { directory, lock_file, segments, _lock: lock });
            }
            Err(TryLockError::WouldBlock) => live.extend(segments),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok((groups, live))
}

/// How rows leave: a body in, what the server said out.
pub(crate) trait Upload: Clone + Send + 'static {
    fn upload(&self, body: Bytes) -> impl Future<Output = Reply> + Send;
    fn max_request_bytes(&self) -> u64;
}

/// Sends what a group holds and removes each segment once all of it is settled.
///
/// Segments go one after another, so that the records of a row arrive in their order; the rows
/// of one segment go in parallel. Every row goes as a merge: what a server has of it already,
/// because it was killed before it could answer, stays as it is.
///
/// # Cancel safety
/// What was not settled stays in the spool and is sent again, which changes nothing stored.
pub(crate) async fn drain(
    group: &Group,
    upload: &impl Upload,
    patience: Duration,
    drained: &mut Drained,
) -> Result<(), DrainError> {
    for path in &group.segments {
        let segment = path.clone();
        let read = spawn_blocking(move || Read::from(&Contents::read(&segment)?));
        let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let Read { records, rows, refused, torn_bytes } = read.map_err(at(path))?;
        drained.torn_bytes += torn_bytes;
        let count = rows.len() as u64;
        let mut rejected = send(rows, upload, patience).await?;
        rejected.extend(refused);
        keep_rejected(&group.directory, &rejected)?;
        fs::remove_file(path).map_err(at(path))?;
        match fs::remove_file(acks_of(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(path)(error)),
            _ => {}
        }
        drained.segments += 1;
        drained.records += records;
        drained.rows += count - (rejected.len() as u64).min(count);
        drained.rejected_rows += rejected.len() as u64;
    }
    // Nobody can wait for a lock of a process that ended.
    fs::remove_file(&group.lock_file).map_err(at(&group.lock_file))
}

/// What is left to send of a segment.
struct Read {
    records: u64,
    rows: Vec<Bytes>,
    /// Frames that hold no row; their checksums were right, so somebody else wrote them.
    refused: Vec<Bytes>,
    torn_bytes: u64,
}

impl Read {
    /// Rows of one key become one, in the order of writing.
    fn from(contents: &Contents) -> io::Result<Self> {
        let mut order: Vec<Row> = Vec::new();
        let mut index: HashMap<MergeKey, usize> = HashMap::new();
        let (mut refused, mut records) = (Vec::new(), 0);
        for (json, count) in contents.rows() {
            records += count;
            let Ok(row) = serde_json::from_slice::<Row>(json) else {
                refused.push(Bytes::copy_from_slice(json));
                continue;
            };
            match index.entry(MergeKey::of(&row)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(order.len());
                    order.push(row);
                }
                Entry::Occupied(occupied) => {
                    let place = &mut order[*occupied.get()];
                    match merge::coalesce(std::mem::take(place), row) {
                        Ok(merged) => *place = merged,
                        Err(pair) => {
                            *place = pair.0;
                            refused.push(Bytes::copy_from_slice(json));
                        }
                    }
                }
            }
        }
        let rows = order.into_iter().map(|mut row| {
            row.insert("_is_merge".into(), Value::Bool(true));
            serde_json::to_vec(&row).map(Bytes::from)
        });
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Self { records, rows, refused, torn_bytes: contents.torn_bytes })
    }
}

struct Part {
    rows: Vec<Bytes>,
    tries: u32,
}

/// Sends rows and returns those that the server refused one by one.
async fn send(
    rows: Vec<Bytes>,
    upload: &impl Upload,
    patience: Duration,
) -> Result<Vec<Bytes>, DrainError> {
    let mut random = Random::new(ids::random());
    let mut waiting = batches(rows, upload.max_request_bytes() / 2);
    let mut under_way = JoinSet::new();
    let mut rejected = Vec::new();
    let mut failing_since = None;
    loop {
        while under_way.len() < LANES
            && let Some((part, delay)) = waiting.pop()
        {
            let upload = upload.clone();
            under_way.spawn(async move {
                tokio::time::sleep(delay).await;
                let reply = upload.upload(body_of(&part.rows)).await;
                (part, reply)
            });
        }
        let Some(ended) = under_way.join_next().await else { return Ok(rejected) };
        let Ok((mut part, reply)) = ended else {
            return Err(DrainError::Unreachable { detail: "an upload broke off".to_owned() });
        };
        match reply {
            Reply::Acknowledged => failing_since = None,
            Reply::Unauthorized { detail } => return Err(DrainError::Unauthorized { detail }),
            Reply::Retry { after, detail } => {
                let now = clock::now();
                let since = *failing_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= patience {
                    return Err(DrainError::Unreachable { detail });
                }
                part.tries += 1;
                let delay = backoff::delay(part.tries, after, &mut random);
                waiting.push((part, delay));
            }
            // Whoever uploads goes through the steps itself.
            Reply::Next(_)
            | Reply::OverLimit
            | Reply::Restart { .. }
            | Reply::Rejected { .. }
            | Reply::TooLarge
            | Reply::Refused { .. } => {
                if part.rows.len() < 2 {
                    rejected.append(&mut part.rows);
                } else {
                    let second = part.rows.split_off(part.rows.len() / 2);
                    for rows in [part.rows, second] {
                        waiting.push((Part { rows, tries: 0 }, Duration::ZERO));
                    }
                }
            }
        }
    }
}

/// Cuts rows into requests; the first ones last, since they are taken from the end.
fn batches(rows: Vec<Bytes>, cap_bytes: u64) -> Vec<(Part, Duration)> {
    let mut parts: Vec<(Part, Duration)> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let size = row.len() as u64 + 1;
        match parts.last_mut() {
            Some((part, _))
                if bytes + size <= cap_bytes && part.rows.len() < limits::MAX_ROWS_PER_REQUEST =>
            {
                part.rows.push(row);
                bytes += size;
            }
            _ => {
                bytes = ENVELOPE_BYTES + size;
                parts.push((Part { rows: vec![row], tries: 0 }, Duration::ZERO));
            }
        }
    }
    parts.reverse();
    parts
}

/// Refused rows are kept for whoever wants to know why; nothing leaves the spool unseen.
fn keep_rejected(directory: &Path, rows: &[Bytes]) -> Result<(), DrainError> {
    if rows.is_empty() {
        return Ok(());
    }
    let path = directory.join(REJECTED_FILE);
    let write = || {
        let mut file = private_file(OpenOptions::new().append(true).create(true)).open(&path)?;
        for row in rows {
            file.write_all(row)?;
            file.write_all(b"\n")?;
        }
        file.sync_data()
    };
    write().map_err(at(&path))
}
