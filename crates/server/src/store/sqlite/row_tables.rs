//! SQL over objects and rows.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use tidegate_analysis::comparison::{Trial, trials_from_rows};
use tidegate_model::{Destination, Row, RowId, XactId, merge};

use super::changes::Touched;
use super::writer::Session;
use super::{documents, versions};
use crate::store::index::skeleton::{Skeleton, damaged};
use crate::store::{Change, Document, ROW_LIMIT_BYTES, RowWrite, StoreError, Trace};

/// A row id as it is stored: 16 bytes for a UUID, else the text.
pub(super) struct IdColumn<'a>(pub(super) &'a RowId);

impl ToSql for IdColumn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            RowId::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            RowId::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Applies rows in order, all under one new transaction id, and notes them in the journal.
pub(super) fn write(session: &mut Session, rows: Vec<RowWrite>) -> Result<XactId, StoreError> {
    let xact = session.next_xact();
    let mut touched = Touched::default();
    for row in rows {
        let object = intern(session, &row.destination)?;
        if versions::are_kept(&row.destination) {
            versions::keep(&session.connection, object, &row.id, xact)?;
        }
        let place = Place { connection: &session.connection, object, id: &row.id, xact };
        match row.change {
            Change::Replace(document) => place.replace(&document, &mut touched)?,
            Change::Delete => place.delete(&mut touched)?,
            Change::Merge(delta) => place.merge(delta, &mut touched)?,
        }
    }
    touched.append(&session.connection, &mut session.journal, xact)?;
    Ok(xact)
}

fn intern(session: &mut Session, destination: &Destination) -> Result<i64, StoreError> {
    if let Some(number) = session.objects.get(destination) {
        return Ok(*number);
    }
    let number = match object_number(&session.connection, destination)? {
        Some(number) => number,
        None => {
            session
                .connection
                .prepare_cached("INSERT INTO objects (kind, id) VALUES (?1, ?2)")?
                .execute([destination.kind(), destination.object_id()])?;
            session.connection.last_insert_rowid()
        }
    };
    session.objects.insert(destination.clone(), number);
    Ok(number)
}

pub(super) fn object_number(
    connection: &Connection,
    destination: &Destination,
) -> Result<Option<i64>, StoreError> {
    let number = connection
        .prepare_cached("SELECT number FROM objects WHERE kind = ?1 AND id = ?2")?
        .query_row([destination.kind(), destination.object_id()], |row| row.get(0))
        .optional()?;
    Ok(number)
}

/// Finds the trace of a row; `None` if there is no such row.
pub(super) fn trace_of(
    connection: &Connection,
    destination: &Destination,
    id: &RowId,
) -> Result<Option<Trace>, StoreError> {
    let Some(object) = object_number(connection, destination)? else { return Ok(None) };
    let sql = "SELECT root_span_id FROM rows WHERE object = ?1 AND row_id = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement
        .query_row(params![object, IdColumn(id)], |row| Ok(documents::trace(row.get_ref(0)?)))
        .optional()?;
    Ok(found)
}

/// A row to be written, there already or not.
struct Place<'a> {
    connection: &'a Connection,
    object: i64,
    id: &'a RowId,
    xact: XactId,
}

/// What is indexed of a stored row.
struct Indexed {
    number: i64,
    trace: Trace,
    is_root: bool,
}

impl Place<'_> {
    fn replace(&self, document: &Document, touched: &mut Touched) -> Result<(), StoreError> {
        // Nearly every row is new, so this one look at the index is the only one.
        if !self.insert(document, touched)? {
            let (indexed, _) = self.find(|_| Ok(()))?.ok_or_else(|| {
                StoreError::Damaged(format!("row {:?} is in an index only", self.id.to_string()))
            })?;
            self.update(&indexed, document, touched)?;
        }
        Ok(())
    }

    fn merge(&self, delta: Row, touched: &mut Touched) -> Result<(), StoreError> {
        let found = self.find(|column| {
            let text = documents::text(column)?;
            serde_json::from_str::<Row>(&text).map_err(|error| damaged(&error))
        })?;
        let (indexed, stored) = found.unzip();
        if let Some(merged) = merge::apply(stored, delta) {
            let document = Document::of(merged);
            match indexed {
                Some(indexed) => self.update(&indexed, &document, touched)?,
                None => drop(self.insert(&document, touched)?),
            }
        }
        Ok(())
    }

    fn delete(&self, touched: &mut Touched) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "DELETE FROM rows WHERE object = ?1 AND row_id = ?2 RETURNING number, root_span_id",
        )?;
        let mut rows = statement.query(params![self.object, IdColumn(self.id)])?;
        while let Some(row) = rows.next()? {
            touched.deleted(self.object, row.get(0)?, documents::trace(row.get_ref(1)?));
        }
        Ok(())
    }

    /// Looks the row up; `read` gets the column of its document.
    fn find<T>(
        &self,
        read: impl FnOnce(ValueRef<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<(Indexed, T)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, root_span_id, is_root, document FROM rows
             WHERE object = ?1 AND row_id = ?2",
        )?;
        let mut rows = statement.query(params![self.object, IdColumn(self.id)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let indexed = Indexed {
            number: row.get(0)?,
            trace: documents::trace(row.get_ref(1)?),
            is_root: row.get(2)?,
        };
        Ok(Some((indexed, read(row.get_ref(3)?)?)))
    }

    /// Stores a new row; `false` if the id is taken.
    fn insert(&self, document: &Document, touched: &mut Touched) -> Result<bool, StoreError> {
        self.check(document)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO rows (object, row_id, xact, created_us, is_root, root_span_id, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (object, row_id) DO NOTHING",
        )?;
        let inserted = statement.execute(params![
            self.object,
            IdColumn(self.id),
            self.xact.as_u64().cast_signed(),
            document.created_us,
            document.is_root,
            document.trace,
            document.body,
        ])?;
        if inserted > 0 {
            touched.changed(self.object, self.connection.last_insert_rowid());
        }
        Ok(inserted > 0)
    }

    fn update(
        &self,
        old: &Indexed,
        document: &Document,
        touched: &mut Touched,
    ) -> Result<(), StoreError> {
        self.check(document)?;
        // Setting a column rewrites its indexes, whether or not it changes.
        if (&old.trace, old.is_root) == (&document.trace, document.is_root) {
            self.connection
                .prepare_cached(
                    "UPDATE rows SET xact = ?2, created_us = ?3, document = ?4 WHERE number = ?1",
                )?
                .execute(params![
                    old.number,
                    self.xact.as_u64().cast_signed(),
                    document.created_us,
                    document.body,
                ])?;
        } else {
            self.connection
                .prepare_cached(
                    "UPDATE rows SET xact = ?2, created_us = ?3, document = ?4, is_root = ?5,
                       root_span_id = ?6 WHERE number = ?1",
                )?
                .execute(params![
                    old.number,
                    self.xact.as_u64().cast_signed(),
                    document.created_us,
                    document.body,
                    document.is_root,
                    document.trace,
                ])?;
        }
        if old.trace != document.trace {
            touched.deleted(self.object, old.number, old.trace.clone());
        }
        touched.changed(self.object, old.number);
        Ok(())
    }

    fn check(&self, document: &Document) -> Result<(), StoreError> {
        let bytes = document.body.length();
        if bytes > ROW_LIMIT_BYTES {
            let id = self.id.to_string();
            return Err(StoreError::RowTooLarge { id, bytes, limit: ROW_LIMIT_BYTES });
        }
        Ok(())
    }
}

/// Reads the column of a row id.
pub(super) fn row_id(value: ValueRef<'_>) -> Result<RowId, StoreError> {
    match value {
        ValueRef::Blob(bytes) => uuid::Uuid::from_slice(bytes)
            .map(RowId::Uuid)
            .map_err(|_| StoreError::Damaged("a row id of a wrong length".into())),
        ValueRef::Text(text) => Ok(RowId::from(String::from_utf8_lossy(text).as_ref())),
        other => Err(StoreError::Damaged(format!("a row id of type {}", other.data_type()))),
    }
}

pub(super) fn xact_id(number: i64) -> XactId {
    XactId::from_u64(number.cast_unsigned())
}

/// Returns the newest transaction among an object's rows.
pub(super) fn newest_xact(
    connection: &Connection,
    destination: &Destination,
) -> Result<Option<XactId>, StoreError> {
    let Some(object) = object_number(connection, destination)? else { return Ok(None) };
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(xact) FROM rows WHERE object = ?1")?
        .query_row([object], |row| row.get(0))?;
    Ok(newest.map(xact_id))
}

/// Reads an object's rows as trials.
///
/// Trace by trace, so that memory holds the rows of one: all rows of 100 000 trials took 1.3 GB.
pub(super) fn trials(
    connection: &Connection,
    destination: &Destination,
) -> Result<Vec<Trial>, StoreError> {
    let Some(object) = object_number(connection, destination)? else { return Ok(Vec::new()) };
    // Rows without a trace are one by their id, which rows of other groups may name as theirs.
    let apart = "SELECT EXISTS (SELECT 1 FROM rows WHERE object = ?1 AND root_span_id IS NULL)";
    let apart: bool = connection.prepare_cached(apart)?.query_row([object], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT is_root, document, root_span_id FROM rows WHERE object = ?1
         ORDER BY root_span_id",
    )?;
    let mut rows = statement.query([object])?;
    let (mut trials, mut trace, mut skeletons) = (Vec::new(), rusqlite::types::Value::Null, vec![]);
    while let Some(row) = rows.next()? {
        let next: rusqlite::types::Value = row.get(2)?;
        if !apart && next != trace {
            trials.append(&mut trials_from_rows(&skeletons));
            skeletons.clear();
            trace = next;
        }
        let text = documents::text(row.get_ref(1)?)?;
        skeletons.push(Skeleton::of(&text)?.into_row(row.get(0)?)?);
    }
    trials.append(&mut trials_from_rows(&skeletons));
    Ok(trials)
}
