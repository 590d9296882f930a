//! Applying rows of requests in one transaction.
//!
//! Nearly every row is new, so all that only store a row are tried as such at once. The others, and
//! those whose row turns out to be there, are locked, computed here from what is there, and written.
//! Rows are always taken in the order of their keys, so that two groups never wait in a circle.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;

use deadpool_postgres::Transaction;
use tidegate_model::{Destination, Row, XactId, merge};

use super::columns;
use super::database::{self, one, rows};
use super::locks::Lock;
use crate::clock;
use crate::store::{Change, Document, ROW_LIMIT_BYTES, RowWrite, StoreError};

/// How often rows are looked at that others make at the same time.
const TRIES: usize = 16;

/// Why nothing was applied.
#[derive(Debug)]
pub(super) enum Failure {
    /// Because of the request of this index.
    Request(usize, StoreError),
    All(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::All(error)
    }
}

/// What is to be done to one row, in order; the index is that of the request.
type Changes<'a> = Vec<(usize, &'a RowWrite)>;

/// The object's number and the column of the row's id.
type Key = (i64, Vec<u8>);

/// Applies the rows of requests, each under a transaction id of its own, which it returns. The
/// caller commits, or rolls back after an error.
pub(super) async fn apply(
    transaction: &Transaction<'_>,
    requests: &[&[RowWrite]],
) -> Result<Vec<XactId>, Failure> {
    let objects = objects(transaction, requests).await?;
    lock_datasets(transaction, &objects).await?;
    let xacts = take_xacts(transaction, requests.len()).await?;
    let mut keys: BTreeMap<Key, Changes<'_>> = BTreeMap::new();
    let mut order: HashMap<Key, usize> = HashMap::new();
    for (request, writes) in requests.iter().enumerate() {
        for write in *writes {
            let key = (objects[&write.destination], columns::row_id(&write.id));
            let place = order.len();
            order.entry(key.clone()).or_insert(place);
            keys.entry(key).or_default().push((request, write));
        }
    }
    let numbers = take_numbers(transaction, order.len()).await?;
    let mut group = Group { transaction, xacts: &xacts, order, numbers, touched: BTreeMap::new() };
    let mut left = group.insert_new(keys).await?;
    for _ in 0..TRIES {
        if left.is_empty() {
            group.note().await?;
            return Ok(xacts);
        }
        left = group.change(left).await?;
    }
    // Rows that are made and removed by others all the time.
    Err(StoreError::Overloaded.into())
}

/// The numbers of all objects written to, made if need be. None is swept before the commit; see
/// [`deletion`](super::deletion).
async fn objects<'a>(
    transaction: &Transaction<'_>,
    requests: &[&'a [RowWrite]],
) -> Result<HashMap<&'a Destination, i64>, StoreError> {
    let wanted: BTreeMap<(&str, &str), &Destination> = requests
        .iter()
        .flat_map(|rows| rows.iter())
        .map(|row| ((row.destination.kind(), row.destination.object_id()), &row.destination))
        .collect();
    let (kinds, ids): (Vec<&str>, Vec<&str>) = wanted.keys().copied().unzip();
    for _ in 0..TRIES {
        let found = rows(
            transaction,
            "SELECT objects.kind, objects.id, objects.number FROM objects
             JOIN unnest($1::text[], $2::text[]) AS wanted (kind, id)
               ON objects.kind = wanted.kind AND objects.id = wanted.id
             WHERE NOT deleted ORDER BY number FOR KEY SHARE OF objects",
            &[&kinds, &ids],
        )
        .await?;
        if found.len() == wanted.len() {
            let numbers = found.iter().map(|row| {
                let place: (&str, &str) = (row.get(0), row.get(1));
                (wanted[&place], row.get(2))
            });
            return Ok(numbers.collect());
        }
        database::run(
            transaction,
            "INSERT INTO objects (kind, id) SELECT * FROM unnest($1::text[], $2::text[])
             ON CONFLICT (kind, id) WHERE NOT deleted DO NOTHING",
            &[&kinds, &ids],
        )
        .await?;
    }
    // Objects that others delete all the time.
    Err(StoreError::Overloaded)
}

/// Versions of a dataset are read by transaction id, so its commits are in their order.
async fn lock_datasets(
    transaction: &Transaction<'_>,
    objects: &HashMap<&Destination, i64>,
) -> Result<(), StoreError> {
    let datasets: BTreeSet<i64> = objects
        .iter()
        .filter(|(destination, _)| keeps_versions(destination))
        .map(|(_, number)| *number)
        .collect();
    if !datasets.is_empty() {
        Lock::DatasetWrites.shared(transaction).await?;
    }
    for dataset in datasets {
        Lock::Rows(dataset).alone(transaction).await?;
    }
    Ok(())
}

/// Whether rows leave their earlier states behind.
fn keeps_versions(destination: &Destination) -> bool {
    matches!(destination, Destination::Dataset(_))
}

/// Takes transaction ids, in order.
pub(super) async fn take_xacts(
    transaction: &Transaction<'_>,
    count: usize,
) -> Result<Vec<XactId>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let least = columns::xact(XactId::at(clock::unix_seconds()));
    let first: i64 = one(transaction, "SELECT next_xacts($1, $2)", &[&count, &least]).await?.get(0);
    Ok((first..first + count).map(columns::read_xact).collect())
}

/// Takes numbers of rows, in order.
async fn take_numbers(transaction: &Transaction<'_>, count: usize) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "SELECT nextval('row_numbers') FROM generate_series(1, $1::bigint)";
    let taken = rows(transaction, sql, &[&count]).await?;
    Ok(taken.iter().map(|row| row.get(0)).collect())
}

/// What a transaction touched in one object, for the index.
#[derive(Default)]
struct Touched {
    rows: i32,
    traces: BTreeSet<Vec<u8>>,
    numbers: Vec<i64>,
    gone: Vec<i64>,
    earlier: Vec<i64>,
}

/// Rows to be written, column by column.
#[derive(Default)]
struct Table<'a> {
    objects: Vec<i64>,
    ids: Vec<Vec<u8>>,
    xacts: Vec<i64>,
    created: Vec<i64>,
    roots: Vec<bool>,
    traces: Vec<Vec<u8>>,
    documents: Vec<Cow<'a, [u8]>>,
}

impl<'a> Table<'a> {
    fn push(&mut self, key: Key, xact: XactId, write: &RowWrite, document: Made<'a>) {
        self.objects.push(key.0);
        self.ids.push(key.1);
        self.xacts.push(columns::xact(xact));
        self.created.push(document.created_us);
        self.roots.push(document.is_root);
        self.traces.push(columns::trace(&document.trace, &write.id));
        self.documents.push(match document {
            Made::Given(document) => Cow::Borrowed(columns::document(&document.body)),
            Made::Merged(document) => Cow::Owned(columns::into_bytes(document.body)),
        });
    }
}

/// A row that is there.
struct Found {
    number: i64,
    xact: i64,
    trace: Vec<u8>,
    /// Read if it takes part in what comes.
    document: Option<Vec<u8>>,
}

struct Group<'t> {
    transaction: &'t Transaction<'t>,
    xacts: &'t [XactId],
    /// In which order rows came, and so the number that each gets if it is new.
    order: HashMap<Key, usize>,
    numbers: Vec<i64>,
    touched: BTreeMap<i64, Touched>,
}

impl Group<'_> {
    /// Stores rows that are only stored, if they are new; returns all others.
    async fn insert_new<'a>(
        &mut self,
        keys: BTreeMap<Key, Changes<'a>>,
    ) -> Result<BTreeMap<Key, Changes<'a>>, Failure> {
        let (mut left, mut table, mut tried) = (BTreeMap::new(), Table::default(), Vec::new());
        for (key, changes) in keys {
            match changes.as_slice() {
                [(request, write)] if let Change::Replace(document) = &write.change => {
                    check(*request, write, document)?;
                    let xact = self.xacts[*request];
                    table.push(key.clone(), xact, write, Made::Given(document));
                    tried.push((key, changes));
                }
                _ => drop(left.insert(key, changes)),
            }
        }
        let inserted = self.insert(&table).await?;
        left.extend(tried.into_iter().filter(|(key, _)| !inserted.contains(key)));
        Ok(left)
    }

    /// Stores rows unless they are there, and returns the keys of those that were not.
    async fn insert(&mut self, table: &Table<'_>) -> Result<BTreeSet<Key>, StoreError> {
        if table.ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let documents: Vec<&[u8]> = table.documents.iter().map(|document| &**document).collect();
        let keys = table.objects.iter().copied().zip(table.ids.iter().cloned());
        let numbers: Vec<i64> = keys.map(|key| self.numbers[self.order[&key]]).collect();
        let inserted = rows(
            self.transaction,
            "INSERT INTO rows (object, row_id, number, xact, created_us, is_root, trace, document)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[],
                                  $5::bigint[], $6::boolean[], $7::bytea[], $8::bytea[])
             ON CONFLICT (object, row_id) DO NOTHING
             RETURNING object, row_id, number, trace",
            &[
                &table.objects,
                &table.ids,
                &numbers,
                &table.xacts,
                &table.created,
                &table.roots,
                &table.traces,
                &documents,
            ],
        )
        .await?;
        let mut keys = BTreeSet::new();
        for row in inserted {
            let object = row.get(0);
            let touched = self.touched(object);
            touched.numbers.push(row.get(2));
            touched.traces.insert(row.get(3));
            keys.insert((object, row.get(1)));
        }
        Ok(keys)
    }

    /// Changes rows by what they are now; returns those that others made meanwhile.
    async fn change<'a>(
        &mut self,
        keys: BTreeMap<Key, Changes<'a>>,
    ) -> Result<BTreeMap<Key, Changes<'a>>, Failure> {
        let found = self.find(&keys).await?;
        let (mut new, mut changed) = (Table::default(), Table::default());
        let (mut tried, mut removed) = (Vec::new(), Vec::new());
        let mut kept: Vec<(&Key, i64)> = Vec::new();
        for (key, changes) in &keys {
            let present = found.get(key);
            let end = self.outcome(present, changes)?;
            let Some((last, write)) = changes.last() else { continue };
            let xact = self.xacts[*last];
            // A state that nobody ever saw is not kept.
            if let Some(present) = present
                && keeps_versions(&write.destination)
                && !matches!(end, Outcome::Same)
                && present.xact < columns::xact(xact)
            {
                kept.push((key, columns::xact(xact)));
            }
            match (end, present) {
                (Outcome::Same, _) | (Outcome::Gone, None) => {}
                (Outcome::Gone, Some(present)) => {
                    let touched = self.touched(key.0);
                    touched.gone.push(present.number);
                    touched.traces.insert(present.trace.clone());
                    removed.push(key);
                }
                (Outcome::Stored(document), None) => {
                    new.push(key.clone(), xact, write, document);
                    tried.push(key.clone());
                }
                (Outcome::Stored(document), Some(present)) => {
                    let touched = self.touched(key.0);
                    touched.numbers.push(present.number);
                    touched.traces.insert(present.trace.clone());
                    touched.traces.insert(columns::trace(&document.trace, &write.id));
                    changed.push(key.clone(), xact, write, document);
                }
            }
        }
        self.keep(&kept).await?;
        self.remove(&removed).await?;
        self.update(&changed).await?;
        let inserted = self.insert(&new).await?;
        let lost: BTreeSet<Key> = tried.into_iter().filter(|key| !inserted.contains(key)).collect();
        Ok(keys.into_iter().filter(|(key, _)| lost.contains(key)).collect())
    }

    /// Finds rows and keeps others from changing them.
    async fn find(
        &self,
        keys: &BTreeMap<Key, Changes<'_>>,
    ) -> Result<HashMap<Key, Found>, StoreError> {
        let objects: Vec<i64> = keys.keys().map(|(object, _)| *object).collect();
        let ids: Vec<&[u8]> = keys.keys().map(|(_, id)| &**id).collect();
        let merged: Vec<bool> = keys
            .values()
            .map(|changes| changes.iter().any(|(_, w)| matches!(w.change, Change::Merge(_))))
            .collect();
        let found = rows(
            self.transaction,
            "SELECT rows.object, rows.row_id, rows.number, rows.xact, rows.trace,
               CASE WHEN merged THEN rows.document END
             FROM unnest($1::bigint[], $2::bytea[], $3::boolean[]) AS wanted (object, row_id, merged)
             JOIN rows ON rows.object = wanted.object AND rows.row_id = wanted.row_id
             ORDER BY rows.object, rows.row_id FOR UPDATE OF rows",
            &[&objects, &ids, &merged],
        )
        .await?;
        let found = found.into_iter().map(|row| {
            let found = Found {
                number: row.get(2),
                xact: row.get(3),
                trace: row.get(4),
                document: row.get(5),
            };
            ((row.get(0), row.get(1)), found)
        });
        Ok(found.collect())
    }

    /// What a row is after its changes.
    fn outcome<'a>(
        &self,
        present: Option<&Found>,
        changes: &Changes<'a>,
    ) -> Result<Outcome<'a>, Failure> {
        let mut outcome = Outcome::Same;
        for (request, write) in changes {
            match &write.change {
                Change::Replace(document) => outcome = Outcome::Stored(Made::Given(document)),
                Change::Delete => outcome = Outcome::Gone,
                Change::Merge(delta) => {
                    let stored = match &outcome {
                        Outcome::Same => present.and_then(|found| found.document.as_deref()),
                        Outcome::Gone => None,
                        Outcome::Stored(document) => Some(columns::document(&document.body)),
                    };
                    let stored = stored.map(row_of).transpose()?;
                    if let Some(merged) = merge::apply(stored, delta.clone()) {
                        outcome = Outcome::Stored(Made::Merged(Document::of(merged)));
                    }
                }
            }
            if let Outcome::Stored(document) = &outcome {
                check(*request, write, document)?;
            }
        }
        Ok(outcome)
    }

    /// Keeps what rows are now, each until a transaction.
    async fn keep(&mut self, kept: &[(&Key, i64)]) -> Result<(), StoreError> {
        if kept.is_empty() {
            return Ok(());
        }
        let objects: Vec<i64> = kept.iter().map(|(key, _)| key.0).collect();
        let ids: Vec<&[u8]> = kept.iter().map(|(key, _)| &*key.1).collect();
        let until: Vec<i64> = kept.iter().map(|(_, until)| *until).collect();
        let kept = rows(
            self.transaction,
            "INSERT INTO row_versions
               (object, row_id, number, xact, until, created_us, is_root, trace, document)
             SELECT rows.object, rows.row_id, nextval('row_numbers'), rows.xact, ended.until,
               rows.created_us, rows.is_root, rows.trace, rows.document
             FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) AS ended (object, row_id, until)
             JOIN rows ON rows.object = ended.object AND rows.row_id = ended.row_id
             RETURNING object, number",
            &[&objects, &ids, &until],
        )
        .await?;
        for row in kept {
            self.touched(row.get(0)).earlier.push(row.get(1));
        }
        Ok(())
    }

    async fn remove(&self, removed: &[&Key]) -> Result<(), StoreError> {
        if removed.is_empty() {
            return Ok(());
        }
        let objects: Vec<i64> = removed.iter().map(|key| key.0).collect();
        let ids: Vec<&[u8]> = removed.iter().map(|key| &*key.1).collect();
        database::run(
            self.transaction,
            "DELETE FROM rows USING unnest($1::bigint[], $2::bytea[]) AS ended (object, row_id)
             WHERE rows.object = ended.object AND rows.row_id = ended.row_id",
            &[&objects, &ids],
        )
        .await?;
        Ok(())
    }

    async fn update(&self, table: &Table<'_>) -> Result<(), StoreError> {
        if table.ids.is_empty() {
            return Ok(());
        }
        let documents: Vec<&[u8]> = table.documents.iter().map(|document| &**document).collect();
        database::run(
            self.transaction,
            "UPDATE rows SET xact = new.xact, created_us = new.created_us, is_root = new.is_root,
               trace = new.trace, document = new.document
             FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::boolean[],
                         $6::bytea[], $7::bytea[])
               AS new (object, row_id, xact, created_us, is_root, trace, document)
             WHERE rows.object = new.object AND rows.row_id = new.row_id",
            &[
                &table.objects,
                &table.ids,
                &table.xacts,
                &table.created,
                &table.roots,
                &table.traces,
                &documents,
            ],
        )
        .await?;
        Ok(())
    }

    fn touched(&mut self, object: i64) -> &mut Touched {
        let touched = self.touched.entry(object).or_default();
        touched.rows += 1;
        touched
    }

    /// Leaves word of what was touched.
    async fn note(&mut self) -> Result<(), StoreError> {
        for (object, touched) in std::mem::take(&mut self.touched) {
            let traces: Vec<Vec<u8>> = touched.traces.into_iter().collect();
            database::run(
                self.transaction,
                "INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &object,
                    &touched.rows,
                    &traces,
                    &touched.numbers,
                    &touched.gone,
                    &touched.earlier,
                ],
            )
            .await?;
        }
        Ok(())
    }
}

/// What changes make of a row.
enum Outcome<'a> {
    /// They leave it as it is.
    Same,
    Gone,
    Stored(Made<'a>),
}

/// A document: one that came, or one that was made of it.
enum Made<'a> {
    Given(&'a Document),
    Merged(Document),
}

impl Deref for Made<'_> {
    type Target = Document;

    fn deref(&self) -> &Document {
        match self {
            Self::Given(document) => document,
            Self::Merged(document) => document,
        }
    }
}

fn row_of(document: &[u8]) -> Result<Row, StoreError> {
    let text = columns::text(document)?;
    serde_json::from_str(&text)
        .map_err(|error| StoreError::Damaged(format!("a stored row is not JSON: {error}")))
}

fn check(request: usize, write: &RowWrite, document: &Document) -> Result<(), Failure> {
    let bytes = document.body.length();
    if bytes > ROW_LIMIT_BYTES {
        let id = write.id.to_string();
        let error = StoreError::RowTooLarge { id, bytes, limit: ROW_LIMIT_BYTES };
        return Err(Failure::Request(request, error));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
