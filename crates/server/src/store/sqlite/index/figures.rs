//! Scores and metrics of a trial as bytes, with names as numbers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tidegate_analysis::comparison::{Metric, Trial, metric_unit};

use crate::store::{Kind, StoreError};

/// How a kind is stored.
fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Score => 0,
        Kind::Metric => 1,
    }
}

/// Bytes of one figure: a name's number and a value.
const FIGURE_BYTES: usize = 12;

/// Names kept in memory; beyond them all are forgotten and looked up again.
const CACHED_NAMES: usize = 4_096;

/// Numbers of names, as the one who writes the index needs them.
#[derive(Debug, Default)]
pub(super) struct Interned(HashMap<(Kind, String), u32>);

impl Interned {
    /// Must be called after a rollback, which may have undone names.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Packs a trial's scores and metrics. Their units need no place: they follow from the names.
    pub(super) fn pack(
        &mut self,
        index: &Connection,
        trial: &Trial,
    ) -> Result<Vec<u8>, StoreError> {
        let mut packed = Vec::new();
        let scores = trial.scores.iter().map(|(name, score)| (Kind::Score, name, *score));
        let metrics = trial.metrics.iter().map(|(name, metric)| (Kind::Metric, name, metric.value));
        for (kind, name, value) in scores.chain(metrics) {
            packed.extend_from_slice(&self.number(index, kind, name)?.to_le_bytes());
            packed.extend_from_slice(&value.to_le_bytes());
        }
        Ok(packed)
    }

    fn number(&mut self, index: &Connection, kind: Kind, name: &str) -> Result<u32, StoreError> {
        let key = (kind, name.to_owned());
        if let Some(number) = self.0.get(&key) {
            return Ok(*number);
        }
        let number = match find(index, kind, name)? {
            Some(number) => number,
            None => {
                index
                    .prepare_cached("INSERT INTO figure_names (kind, name) VALUES (?1, ?2)")?
                    .execute((kind_number(kind), name))?;
                to_number(index.last_insert_rowid())?
            }
        };
        if self.0.len() >= CACHED_NAMES {
            self.0.clear();
        }
        self.0.insert(key, number);
        Ok(number)
    }
}

/// Finds the number of a name; `None` if nothing has that name.
pub(super) fn find(
    connection: &Connection,
    kind: Kind,
    name: &str,
) -> Result<Option<u32>, StoreError> {
    let number = connection
        .prepare_cached("SELECT number FROM figure_names WHERE kind = ?1 AND name = ?2")?
        .query_row((kind_number(kind), name), |row| row.get(0))
        .optional()?;
    number.map(to_number).transpose()
}

fn to_number(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Damaged("too many names of scores".into()))
}

/// Reads packed figures: (number of the name, value).
pub(super) fn unpack(packed: &[u8]) -> impl Iterator<Item = (u32, f64)> {
    packed.chunks_exact(FIGURE_BYTES).map(|figure| {
        let (number, value) = figure.split_at(4);
        // Chunks are exact, so both conversions hold.
        let number = u32::from_le_bytes(number.try_into().unwrap_or_default());
        (number, f64::from_le_bytes(value.try_into().unwrap_or_default()))
    })
}

/// Names by number, looked up as they are met.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u32, (Kind, Arc<str>)>);

impl Names {
    pub(super) fn get(
        &mut self,
        connection: &Connection,
        number: u32,
    ) -> Result<(Kind, Arc<str>), StoreError> {
        if let Some(known) = self.0.get(&number) {
            return Ok(known.clone());
        }
        let (kind, name): (i64, String) = connection
            .prepare_cached("SELECT kind, name FROM figure_names WHERE number = ?1")?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let kind = if kind == kind_number(Kind::Score) { Kind::Score } else { Kind::Metric };
        let entry = (kind, Arc::from(name));
        self.0.insert(number, entry.clone());
        Ok(entry)
    }

    /// Rebuilds a trial, exactly as it was packed.
    pub(super) fn trial(
        &mut self,
        connection: &Connection,
        case_key: String,
        packed: &[u8],
    ) -> Result<Trial, StoreError> {
        let mut trial = Trial { case_key, ..Trial::default() };
        for (number, value) in unpack(packed) {
            let (kind, name) = self.get(connection, number)?;
            match kind {
                Kind::Score => drop(trial.scores.insert(name, value)),
                Kind::Metric => {
                    let unit = Cow::Borrowed(metric_unit(&name).unwrap_or("s"));
                    trial.metrics.insert(name, Metric { value, unit });
                }
            }
        }
        Ok(trial)
    }
}
