//! Bringing the index up to what rows are now.
//!
//! Everything is derived from the present state of the database, never from what a journal entry
//! says happened: doing a piece of work twice, or in another order, ends in the same index.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::changes::Rows;
use super::super::documents;
use super::super::row_tables::row_id;
use super::figures::Interned;
use super::named::{Named, State};
use super::{TraceKey, extract};
use crate::store::index::deltas::{Before, Delta};
use crate::store::index::extract::{Extract, input_hash};
use crate::store::index::skeleton::Skeleton;
use crate::store::index::words;
use crate::store::{StoreError, Trace};

/// What has to be looked at again.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Objects that lost everything.
    emptied: BTreeSet<i64>,
    traces: BTreeSet<(i64, TraceKey)>,
    /// Rows whose text may have changed, by `rows.number`.
    rows: BTreeSet<i64>,
}

impl Work {
    /// Rows to be looked at, which is about how long the work takes.
    pub(super) fn size(&self) -> usize {
        self.rows.len()
    }

    /// Takes what an entry of the journal says about an object.
    pub(super) fn add(
        &mut self,
        main: &Connection,
        index: &Connection,
        object: i64,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        if rows.all_deleted {
            self.emptied.insert(object);
        }
        for deleted in &rows.deleted {
            self.rows.insert(deleted.number);
            self.add_untraced(index, deleted.number)?;
            let key = match &deleted.trace {
                Trace::Id(bytes) => Some(TraceKey::Id(*bytes)),
                Trace::Text(text) => Some(TraceKey::Text(text.clone())),
                Trace::None => None,
            };
            self.traces.extend(key.map(|key| (object, key)));
        }
        for number in &rows.changed {
            self.add_row(main, index, *number)?;
        }
        Ok(())
    }

    /// Takes one row.
    pub(super) fn add_row(
        &mut self,
        main: &Connection,
        index: &Connection,
        number: i64,
    ) -> Result<(), StoreError> {
        self.rows.insert(number);
        // A number may have been that of another row before.
        self.add_untraced(index, number)?;
        let mut statement =
            main.prepare_cached("SELECT object, root_span_id, row_id FROM rows WHERE number = ?1")?;
        let mut found = statement.query([number])?;
        let Some(row) = found.next()? else { return Ok(()) };
        let object = row.get(0)?;
        let key = match row.get_ref(1)? {
            rusqlite::types::ValueRef::Null => {
                TraceKey::from(row_id(row.get_ref(2)?)?.to_string().as_str())
            }
            trace => TraceKey::of_column(trace)?,
        };
        self.traces.insert((object, key));
        Ok(())
    }

    /// Takes the traces that a row is, or was, by its id.
    fn add_untraced(&mut self, index: &Connection, number: i64) -> Result<(), StoreError> {
        let mut statement =
            index.prepare_cached("SELECT object, trace FROM untraced WHERE number = ?1")?;
        let mut rows = statement.query([number])?;
        while let Some(row) = rows.next()? {
            self.traces.insert((row.get(0)?, TraceKey::of_column(row.get_ref(1)?)?));
        }
        Ok(())
    }
}

/// Does the work, inside a transaction of the caller's on the index and one on the database.
/// Returns the objects that changed.
pub(super) fn apply(
    main: &Connection,
    index: &Connection,
    names: &mut Interned,
    work: Work,
) -> Result<BTreeSet<i64>, StoreError> {
    for object in &work.emptied {
        empty(index, *object)?;
    }
    let mut deltas: BTreeMap<i64, Delta> = BTreeMap::new();
    let mut rows = work.rows;
    let mut named = Named::of(index)?;
    for (object, key) in &work.traces {
        let delta = deltas.entry(*object).or_default();
        let (extract, by_id) = extract::trace(main, *object, key, |number, text, row| {
            if rows.remove(&number) {
                put_row(index, &mut named, *object, number, text, row)
            } else {
                Ok(())
            }
        })?;
        if let (Some(number), Some(_)) = (by_id, &extract) {
            put_untraced(index, *object, key, number)?;
        }
        put_trace(index, names, *object, key, extract.as_ref(), delta)?;
    }
    // Rows that are gone, or elsewhere by now.
    for number in rows {
        refresh_row(main, index, &mut named, number)?;
    }
    let mut statement = index.prepare_cached(
        "INSERT INTO tallies (number, traces, cases, rows, errors, xact, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
         ON CONFLICT DO UPDATE SET traces = traces + ?2, cases = cases + ?3, rows = rows + ?4,
           errors = errors + ?5, xact = max(xact, ?6), version = version + 1",
    )?;
    let mut changed = work.emptied;
    for (object, delta) in deltas {
        let Delta { traces, cases, rows, errors, xact, minutes } = delta;
        put_minutes(index, object, minutes)?;
        statement.execute(params![object, traces, cases, rows, errors, xact])?;
        changed.insert(object);
    }
    Ok(changed)
}

fn put_minutes(
    index: &Connection,
    object: i64,
    minutes: BTreeMap<i64, (i64, i64)>,
) -> Result<(), StoreError> {
    let mut add = index.prepare_cached(
        "INSERT INTO minutes (object, minute, cases, errors) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET cases = cases + ?3, errors = errors + ?4",
    )?;
    let mut clear = index
        .prepare_cached("DELETE FROM minutes WHERE object = ?1 AND minute = ?2 AND cases = 0")?;
    for (minute, (cases, errors)) in minutes {
        if (cases, errors) == (0, 0) {
            continue;
        }
        add.execute([object, minute, cases, errors])?;
        if cases < 0 {
            clear.execute([object, minute])?;
        }
    }
    Ok(())
}

/// Notes that a row is part of a trace by its id.
fn put_untraced(
    index: &Connection,
    object: i64,
    key: &TraceKey,
    number: i64,
) -> Result<(), StoreError> {
    index
        .prepare_cached(
            "INSERT INTO untraced (number, object, trace) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![number, object, key])?;
    Ok(())
}

fn put_trace(
    index: &Connection,
    names: &mut Interned,
    object: i64,
    key: &TraceKey,
    extract: Option<&Extract>,
    delta: &mut Delta,
) -> Result<(), StoreError> {
    let before = index
        .prepare_cached(
            "SELECT created_us, root IS NOT NULL, rows, failed FROM traces
             WHERE object = ?1 AND trace = ?2",
        )?
        .query_row(params![object, key], |row| {
            Ok(Before {
                created_us: row.get(0)?,
                has_root: row.get(1)?,
                rows: row.get(2)?,
                failed: row.get(3)?,
            })
        })
        .optional()?;
    if let Some(before) = before {
        delta.remove(before);
        let created_us = before.created_us;
        if extract.is_none_or(|extract| extract.created_us != created_us) {
            index
                .prepare_cached(
                    "DELETE FROM traces WHERE object = ?1 AND created_us = ?2 AND trace = ?3",
                )?
                .execute(params![object, created_us, key])?;
        }
    }
    let Some(extract) = extract else { return Ok(()) };
    delta.add(extract);
    let (hash, figures) = match &extract.trial {
        Some(trial) => (Some(input_hash(&trial.case_key)), names.pack(index, trial)?),
        None => (None, Vec::new()),
    };
    index
        .prepare_cached(
            "INSERT INTO traces
               (object, created_us, trace, root, rows, spans, failed, input_hash, figures, tags)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (object, created_us, trace) DO UPDATE SET root = ?4, rows = ?5,
               spans = ?6, failed = ?7, input_hash = ?8, figures = ?9, tags = ?10",
        )?
        .execute(params![
            object,
            extract.created_us,
            key,
            extract.root,
            extract.rows,
            extract.spans,
            extract.failed,
            hash,
            figures,
            extract.tags,
        ])?;
    Ok(())
}

/// Stores what is kept of a row by its number: its words and the attachments it names.
fn put_row(
    index: &Connection,
    named: &mut Named<'_>,
    object: i64,
    number: i64,
    text: &str,
    row: &Skeleton<'_>,
) -> Result<(), StoreError> {
    index
        .prepare_cached("INSERT OR REPLACE INTO words (rowid, body) VALUES (?1, ?2)")?
        .execute(params![number, words::body(object, row)])?;
    named.put(State::Present, object, number, text)
}

fn refresh_row(
    main: &Connection,
    index: &Connection,
    named: &mut Named<'_>,
    number: i64,
) -> Result<(), StoreError> {
    let mut statement =
        main.prepare_cached("SELECT object, document FROM rows WHERE number = ?1")?;
    let mut rows = statement.query([number])?;
    match rows.next()? {
        Some(row) => {
            let text = documents::text(row.get_ref(1)?)?;
            put_row(index, named, row.get(0)?, number, &text, &Skeleton::of(&text)?)
        }
        None => {
            index.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([number])?;
            index.prepare_cached("DELETE FROM untraced WHERE number = ?1")?.execute([number])?;
            named.forget(State::Present, number)
        }
    }
}

/// Forgets all of an object. Rows that came after it was emptied have entries of their own.
fn empty(index: &Connection, object: i64) -> Result<(), StoreError> {
    let mut find = index.prepare_cached("SELECT rowid FROM words WHERE words MATCH ?1")?;
    let word = words::object_word(object);
    let numbers = find.query_map([format!("\"{word}\"")], |row| row.get::<_, i64>(0))?;
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let mut delete = index.prepare_cached("DELETE FROM words WHERE rowid = ?1")?;
    for number in numbers {
        delete.execute([number])?;
    }
    for sql in [
        "DELETE FROM traces WHERE object = ?1",
        "DELETE FROM minutes WHERE object = ?1",
        "DELETE FROM untraced WHERE object = ?1",
        "DELETE FROM attachments WHERE object = ?1",
        "DELETE FROM summaries WHERE object = ?1",
        "UPDATE tallies SET traces = 0, cases = 0, rows = 0, errors = 0, version = version + 1
         WHERE number = ?1",
    ] {
        index.prepare_cached(sql)?.execute([object])?;
    }
    Ok(())
}
