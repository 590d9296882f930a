//! [`RowSource`] over one read transaction.

use std::ops::ControlFlow;
use std::time::Instant;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use tidegate_model::{Destination, XactId};

use super::documents;
use super::readers::is_interruption;
use super::row_tables::{IdColumn, newest_xact, object_number, row_id, xact_id};
use crate::clock;
use crate::store::{
    Cursor, Range, RowPlace, RowSource, Scan, ScanEnd, ScannedRow, StoreError, StoredRow, Trace,
};

/// Virtual machine steps between two looks at the clock; well under a millisecond.
pub(super) const STEPS_PER_LOOK: i32 = 10_000;

/// The rows of a snapshot.
pub(super) struct Snapshot<'c> {
    pub(super) connection: &'c Connection,
    /// When statements are interrupted; others do that in favour of writes.
    pub(super) deadline: Instant,
}

impl Snapshot<'_> {
    fn ended(&self, error: StoreError) -> StoreError {
        match is_interruption(&error) {
            true if clock::monotonic() >= self.deadline => StoreError::Interrupted,
            true => StoreError::Overloaded,
            false => error,
        }
    }

    fn row(&self, place: RowPlace) -> Result<StoredRow, StoreError> {
        let sql = if place.earlier {
            "SELECT document, xact, is_root FROM row_versions WHERE number = ?1"
        } else {
            "SELECT document, xact, is_root FROM rows WHERE number = ?1"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([place.number])?;
        let row = rows.next()?.ok_or_else(|| {
            StoreError::Damaged(format!("row {} is in an index only", place.number))
        })?;
        Ok(StoredRow {
            text: documents::text(row.get_ref(0)?)?.into_owned(),
            xact: xact_id(row.get(1)?),
            is_root: row.get(2)?,
        })
    }
}

impl RowSource for Snapshot<'_> {
    fn known(&mut self, destination: &Destination) -> Result<bool, StoreError> {
        Ok(object_number(self.connection, destination)?.is_some())
    }

    fn newest_xact(&mut self, destination: &Destination) -> Result<Option<XactId>, StoreError> {
        newest_xact(self.connection, destination)
    }

    fn scan(
        &mut self,
        scan: &Scan,
        visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, StoreError> {
        let Some(object) = object_number(self.connection, &scan.destination)? else {
            return Ok(ScanEnd::Done);
        };
        match run(self.connection, object, scan, visit).map_err(|error| self.ended(error)) {
            Err(StoreError::Interrupted) => Ok(ScanEnd::Deadline),
            other => other,
        }
    }

    fn fetch(&mut self, place: RowPlace) -> Result<StoredRow, StoreError> {
        self.row(place).map_err(|error| self.ended(error))
    }
}

fn run(
    connection: &Connection,
    object: i64,
    scan: &Scan,
    visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
) -> Result<ScanEnd, StoreError> {
    let statement = Statement::of(object, scan);
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(&statement.values))?;
    while let Some(row) = rows.next()? {
        if show(row, visit)?.is_break() {
            return Ok(ScanEnd::Stopped);
        }
    }
    Ok(ScanEnd::Done)
}

fn show(
    row: &Row<'_>,
    visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let text = documents::text(row.get_ref(6)?)?;
    Ok(visit(&ScannedRow {
        place: RowPlace { earlier: row.get(0)?, number: row.get(1)? },
        id: row_id(row.get_ref(2)?)?,
        xact: xact_id(row.get(3)?),
        created_us: row.get(4)?,
        is_root: row.get(5)?,
        text: &text,
    }))
}

/// The text of a scan, whose shape depends on the scan, and the values, which are all bound.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn of(object: i64, scan: &Scan) -> Self {
        let mut statement = Self { sql: String::new(), values: Vec::new() };
        statement.select("rows", "0", object, scan);
        if let Some(version) = scan.as_of {
            let version = version.as_u64().cast_signed();
            statement.condition("xact <=", version.into());
            statement.sql.push_str(" UNION ALL ");
            statement.select("row_versions", "1", object, scan);
            statement.condition("xact <=", version.into());
            statement.condition("until >", version.into());
        }
        statement.sql.push_str(" ORDER BY row_id");
        statement
    }

    /// `earlier` says which of the tables it is.
    fn select(&mut self, table: &str, earlier: &str, object: i64, scan: &Scan) {
        self.sql.push_str("SELECT ");
        self.sql.push_str(earlier);
        self.sql.push_str(", number, row_id, xact, created_us, is_root, document FROM ");
        self.sql.push_str(table);
        self.sql.push_str(" WHERE object = ");
        self.bind(object.into());
        if let Some(Cursor(id)) = &scan.after {
            self.condition("row_id >", owned(&IdColumn(id)));
        }
        let narrow = &scan.narrow;
        if let Some(ids) = &narrow.ids {
            self.list("row_id", ids.iter().map(|id| owned(&IdColumn(id))));
        }
        if let Some(traces) = &narrow.root_span_ids {
            // One that has no place in the column cannot be found by it.
            let traces: Option<Vec<_>> = traces.iter().map(|text| trace(text)).collect();
            if let Some(traces) = traces {
                self.list("root_span_id", traces.into_iter());
            }
        }
        match narrow.is_root {
            // By its sign no index on roots is used: the order of ids is worth more, since sorting
            // would hold the documents of all roots.
            Some(true) => self.sql.push_str(" AND +is_root"),
            Some(false) => self.sql.push_str(" AND NOT is_root"),
            None => {}
        }
        self.range("created_us", narrow.created_us);
        let signed = |bound: u64| i64::try_from(bound).unwrap_or(i64::MAX);
        let Range { min, max } = narrow.xact;
        self.range("xact", Range { min: min.map(signed), max: max.map(signed) });
    }

    fn range(&mut self, column: &str, range: Range<i64>) {
        for (sign, bound) in [(" >=", range.min), (" <=", range.max)] {
            if let Some(bound) = bound {
                self.condition(&format!("{column}{sign}"), bound.into());
            }
        }
    }

    fn condition(&mut self, left: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(left);
        self.sql.push(' ');
        self.bind(value);
    }

    fn list(&mut self, column: &str, values: impl Iterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(column);
        self.sql.push_str(" IN (");
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.sql.push_str(", ");
            }
            self.bind(value);
        }
        self.sql.push(')');
    }

    fn bind(&mut self, value: Value) {
        self.values.push(value);
        self.sql.push('?');
    }
}

fn owned(column: &IdColumn<'_>) -> Value {
    match column.to_sql() {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))) => Value::Blob(bytes.to_vec()),
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(text))) => {
            Value::Text(String::from_utf8_lossy(text).into_owned())
        }
        // No row has this for an id.
        _ => Value::Null,
    }
}

/// A trace as its column has it.
fn trace(text: &str) -> Option<Value> {
    match Trace::of(text) {
        Trace::None => None,
        Trace::Id(bytes) => Some(Value::Blob(bytes.to_vec())),
        Trace::Text(text) => Some(Value::Text(text)),
    }
}
