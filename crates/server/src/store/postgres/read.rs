//! [`RowSource`] over one read transaction.
//!
//! Conditions are evaluated by whoever asks, without waiting for anything but the next rows, so a
//! reading runs on a thread for blocking work and drives the connection from there.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Instant;

use deadpool_postgres::{Client, GenericClient as _, Transaction};
use futures_util::TryStreamExt as _;
use tidegate_analysis::comparison::{Trial, trials_from_rows};
use tidegate_model::{Destination, XactId};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row};

use super::columns;
use super::database::{self, Database};
use crate::clock;
use crate::store::index::skeleton::Skeleton;
use crate::store::{
    Cursor, Range, Reading, RowPlace, RowSource, Scan, ScanEnd, ScannedRow, StoreError, StoredRow,
    Trace,
};

/// Rows asked for at once, first and at most: who stops early has not had many sent in vain.
const FETCH_ROWS: (i32, i32) = (16, 1_024);

/// Runs a reading over a snapshot. Blocks.
pub(super) fn read(
    handle: &Handle,
    mut client: Client,
    deadline: Instant,
    reading: Reading,
) -> Result<(), StoreError> {
    let transaction = handle.block_on(snapshot(&mut client, deadline))?;
    let mut snapshot = Snapshot { handle, transaction, deadline, object: None };
    let result = reading(&mut snapshot);
    // Nothing was written; an error here says nothing about what was read.
    handle.block_on(snapshot.transaction.rollback()).ok();
    result
}

/// Begins a transaction in which nothing changes.
pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>, StoreError> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    Ok(transaction)
}

/// As [`begin`], where statements end at the deadline.
pub(super) async fn snapshot(
    client: &mut Client,
    deadline: Instant,
) -> Result<Transaction<'_>, StoreError> {
    let left = deadline.saturating_duration_since(clock::monotonic());
    if left.is_zero() {
        return Err(StoreError::Interrupted);
    }
    let transaction = begin(client).await?;
    let limit = format!("SET LOCAL statement_timeout = {}", left.as_millis().max(1));
    transaction.batch_execute(&limit).await?;
    Ok(transaction)
}

/// The number of an object with rows.
pub(super) async fn object_number(
    on: &impl deadpool_postgres::GenericClient,
    destination: &Destination,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM objects WHERE kind = $1 AND id = $2 AND NOT deleted";
    let found = database::row(on, sql, &[&destination.kind(), &destination.object_id()]).await?;
    Ok(found.map(|row| row.get(0)))
}

/// Reads an object's rows as trials.
///
/// Trace by trace, so that memory, here and in the database, holds the rows of one.
pub(super) async fn trials(
    database: &Database,
    destination: &Destination,
) -> Result<Vec<Trial>, StoreError> {
    let mut client = database.client().await?;
    let destination = destination.clone();
    let handle = Handle::current();
    // Parsing rows takes the processor for a while.
    let work =
        tokio::task::spawn_blocking(move || handle.block_on(trials_of(&mut client, &destination)));
    work.await.unwrap_or(Err(StoreError::Panicked))
}

async fn trials_of(
    client: &mut Client,
    destination: &Destination,
) -> Result<Vec<Trial>, StoreError> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let Some(object) = object_number(&transaction, destination).await? else {
        return Ok(Vec::new());
    };
    // In the order of the index: sorting would hold the documents of all rows.
    transaction.batch_execute("SET LOCAL enable_sort = off").await?;
    let sql = "SELECT is_root, document, trace FROM rows WHERE object = $1 ORDER BY trace";
    let statement = transaction.prepare_cached(sql).await?;
    let mut rows = pin!(transaction.query_raw(&statement, [&object]).await?);
    let (mut trials, mut trace, mut skeletons) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(row) = rows.try_next().await? {
        let next: &[u8] = row.get(2);
        if next != trace {
            trials.append(&mut trials_from_rows(&skeletons));
            skeletons.clear();
            trace = next.to_owned();
        }
        let text = columns::text(row.get(1))?;
        skeletons.push(Skeleton::of(&text)?.into_row(row.get(0))?);
    }
    trials.append(&mut trials_from_rows(&skeletons));
    Ok(trials)
}

struct Snapshot<'c> {
    handle: &'c Handle,
    transaction: Transaction<'c>,
    deadline: Instant,
    /// The object of the last scan, in whose part of the tables its rows are.
    object: Option<i64>,
}

impl Snapshot<'_> {
    fn number(&self, destination: &Destination) -> Result<Option<i64>, StoreError> {
        self.handle.block_on(object_number(&self.transaction, destination))
    }

    fn run(
        &self,
        object: i64,
        scan: &Scan,
        visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, StoreError> {
        let statement = Statement::of(object, scan);
        // In the order of the index: sorting would hold the documents of all rows.
        let sorts = scan.narrow.ids.is_some() || scan.narrow.root_span_ids.is_some();
        let order = format!("SET LOCAL enable_sort = {}", if sorts { "on" } else { "off" });
        self.handle.block_on(self.transaction.batch_execute(&order))?;
        let prepared = self.handle.block_on(self.transaction.prepare_cached(&statement.sql))?;
        let values: Vec<&(dyn ToSql + Sync)> =
            statement.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
        let portal = self.handle.block_on(self.transaction.bind(&prepared, &values))?;
        let mut count = FETCH_ROWS.0;
        loop {
            // Row by row off the connection, which waits: a row may have 64 MiB.
            let rows = self.transaction.query_portal_raw(&portal, count);
            let mut rows = pin!(self.handle.block_on(rows)?);
            let mut seen = 0;
            while let Some(row) = self.handle.block_on(rows.try_next())? {
                seen += 1;
                if show(&row, visit)?.is_break() {
                    return Ok(ScanEnd::Stopped);
                }
            }
            if seen < count {
                return Ok(ScanEnd::Done);
            }
            count = (count * 2).min(FETCH_ROWS.1);
            if clock::monotonic() >= self.deadline {
                return Ok(ScanEnd::Deadline);
            }
        }
    }
}

impl RowSource for Snapshot<'_> {
    fn known(&mut self, destination: &Destination) -> Result<bool, StoreError> {
        Ok(self.number(destination)?.is_some())
    }

    fn newest_xact(&mut self, destination: &Destination) -> Result<Option<XactId>, StoreError> {
        let Some(object) = self.number(destination)? else { return Ok(None) };
        let sql = "SELECT max(xact) FROM rows WHERE object = $1";
        let found = self.handle.block_on(database::one(&self.transaction, sql, &[&object]))?;
        Ok(found.get::<_, Option<i64>>(0).map(columns::read_xact))
    }

    fn scan(
        &mut self,
        scan: &Scan,
        visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, StoreError> {
        let Some(object) = self.number(&scan.destination)? else { return Ok(ScanEnd::Done) };
        self.object = Some(object);
        match self.run(object, scan, visit) {
            // The statement was ended at the deadline.
            Err(StoreError::Interrupted) => Ok(ScanEnd::Deadline),
            other => other,
        }
    }

    fn fetch(&mut self, place: RowPlace) -> Result<StoredRow, StoreError> {
        let table = if place.earlier { "row_versions" } else { "rows" };
        let sql = format!(
            "SELECT document, xact, is_root FROM {table} WHERE object = $1 AND number = $2"
        );
        let object = self.object.unwrap_or_default();
        let values: database::Values<'_> = &[&object, &place.number];
        let row = self.handle.block_on(database::row(&self.transaction, &sql, values))?;
        let row = row.ok_or_else(|| {
            StoreError::Damaged(format!("row {} is in an index only", place.number))
        })?;
        stored(&row)
    }
}

/// Reads document, transaction and whether it is a root.
pub(super) fn stored(row: &Row) -> Result<StoredRow, StoreError> {
    Ok(StoredRow {
        text: columns::text(row.get(0))?.into_owned(),
        xact: columns::read_xact(row.get(1)),
        is_root: row.get(2),
    })
}

fn show(
    row: &Row,
    visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let text = columns::text(row.get(6))?;
    Ok(visit(&ScannedRow {
        place: RowPlace { earlier: row.get(0), number: row.get(1) },
        id: columns::read_row_id(row.get(2))?,
        xact: columns::read_xact(row.get(3)),
        created_us: row.get(4),
        is_root: row.get(5),
        text: &text,
    }))
}

/// The text of a scan, whose shape depends on the scan, and the values, which are all bound.
struct Statement {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Statement {
    fn of(object: i64, scan: &Scan) -> Self {
        let mut statement = Self { sql: String::new(), values: Vec::new() };
        statement.select("rows", false, object, scan);
        if let Some(version) = scan.as_of {
            let version = columns::xact(version);
            statement.condition("xact <=", version);
            statement.sql.push_str(" UNION ALL ");
            statement.select("row_versions", true, object, scan);
            statement.condition("xact <=", version);
            statement.condition("until >", version);
        }
        statement.sql.push_str(" ORDER BY row_id");
        statement
    }

    fn select(&mut self, table: &str, earlier: bool, object: i64, scan: &Scan) {
        // Writing to a string cannot fail.
        write!(
            self.sql,
            "SELECT {earlier}, number, row_id, xact, created_us, is_root, document FROM {table} \
             WHERE object = "
        )
        .expect("a string");
        self.bind(object);
        if let Some(Cursor(id)) = &scan.after {
            self.condition("row_id >", columns::row_id(id));
        }
        let narrow = &scan.narrow;
        if let Some(ids) = &narrow.ids {
            let ids: Vec<Vec<u8>> = ids.iter().map(columns::row_id).collect();
            self.sql.push_str(" AND row_id = ANY(");
            self.bind(ids);
            self.sql.push(')');
        }
        if let Some(traces) = &narrow.root_span_ids {
            // One that has no place in the column cannot be found by it.
            let traces: Option<Vec<_>> =
                traces.iter().map(|text| columns::named_trace(&Trace::of(text))).collect();
            if let Some(traces) = traces {
                self.sql.push_str(" AND trace = ANY(");
                self.bind(traces);
                self.sql.push(')');
            }
        }
        match narrow.is_root {
            Some(true) => self.sql.push_str(" AND is_root"),
            Some(false) => self.sql.push_str(" AND NOT is_root"),
            None => {}
        }
        self.range("created_us", narrow.created_us);
        let signed = |bound: u64| i64::try_from(bound).unwrap_or(i64::MAX);
        let Range { min, max } = narrow.xact;
        self.range("xact", Range { min: min.map(signed), max: max.map(signed) });
    }

    fn range(&mut self, column: &str, range: Range<i64>) {
        for (sign, bound) in [(">=", range.min), ("<=", range.max)] {
            if let Some(bound) = bound {
                self.condition(&format!("{column} {sign}"), bound);
            }
        }
    }

    fn condition(&mut self, left: &str, value: impl ToSql + Sync + Send + 'static) {
        write!(self.sql, " AND {left} ").expect("a string");
        self.bind(value);
    }

    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) {
        self.values.push(Box::new(value));
        write!(self.sql, "${}", self.values.len()).expect("a string");
    }
}
