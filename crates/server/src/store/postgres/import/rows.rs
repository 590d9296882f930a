//! Rows and their earlier states, by number.

use deadpool_postgres::{Client, Transaction};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tidegate_model::RowId;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::super::columns;
use super::super::database::run;
use super::{MigrationError, Place};
use crate::store::{StoreError, Trace};

/// Rows of one transaction, and about how many bytes.
const STEP_ROWS: i64 = 5_000;
const STEP_BYTES: usize = 8 << 20;

/// Selects the numbers of the objects that were not deleted, in SQLite.
pub(super) const LIVING: &str = "SELECT number FROM objects WHERE kind NOT IN ('deleted', 'swept')";

/// A row, or an earlier state of one, as PostgreSQL has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) number: i64,
    pub(super) object: i64,
    pub(super) row_id: Vec<u8>,
    pub(super) xact: i64,
    /// Of an earlier state.
    pub(super) until: i64,
    pub(super) created_us: i64,
    pub(super) is_root: bool,
    pub(super) trace: Vec<u8>,
    pub(super) document: Vec<u8>,
}

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Rows,
    Earlier,
}

impl Which {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Earlier => "row_versions",
        }
    }
}

/// Copies what is not there yet.
pub(super) fn copy(
    handle: &Handle,
    source: &Connection,
    client: &mut Client,
    org: &str,
    place: &mut Place,
    moved: &mut dyn FnMut(u64),
) -> Result<(), MigrationError> {
    let mut count = 0;
    for which in [Which::Rows, Which::Earlier] {
        loop {
            let through = match which {
                Which::Rows => &mut place.rows,
                Which::Earlier => &mut place.versions,
            };
            let part = read(source, which, *through)?;
            let Some(last) = part.last() else { break };
            handle.block_on(store(client, org, which, &part))?;
            *through = last.number;
            count += part.len() as u64;
            moved(count);
        }
    }
    Ok(())
}

/// Reads the next rows after a number.
pub(super) fn read(
    source: &Connection,
    which: Which,
    after: i64,
) -> Result<Vec<Moved>, MigrationError> {
    let until = if which == Which::Earlier { "until" } else { "0" };
    // By its sign no index by object is used, which would have to be sorted.
    let sql = format!(
        "SELECT number, object, row_id, xact, {until}, created_us, is_root, root_span_id, document
         FROM {} WHERE number > ?1 AND +object IN ({LIVING}) ORDER BY number LIMIT ?2",
        which.table()
    );
    let mut statement = source.prepare_cached(&sql)?;
    let mut rows = statement.query((after, STEP_ROWS))?;
    let (mut part, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let id = row_id(row.get_ref(2)?)?;
        let document = row.get_ref(8)?.as_bytes().map_err(rusqlite::Error::from)?.to_vec();
        bytes += document.len();
        part.push(Moved {
            number: row.get(0)?,
            object: row.get(1)?,
            xact: row.get(3)?,
            until: row.get(4)?,
            created_us: row.get(5)?,
            is_root: row.get(6)?,
            trace: columns::trace(&trace(row.get_ref(7)?), &id),
            row_id: columns::row_id(&id),
            document,
        });
        if bytes > STEP_BYTES {
            break;
        }
    }
    Ok(part)
}

fn row_id(column: ValueRef<'_>) -> Result<RowId, MigrationError> {
    let id = match column {
        ValueRef::Blob(bytes) => Uuid::from_slice(bytes).ok().map(RowId::Uuid),
        ValueRef::Text(text) => Some(RowId::from(String::from_utf8_lossy(text).as_ref())),
        _ => None,
    };
    id.ok_or_else(|| {
        MigrationError::Source("a row id is of a wrong type: run `tidegate doctor`".into())
    })
}

fn trace(column: ValueRef<'_>) -> Trace {
    match column {
        ValueRef::Blob(bytes) => bytes.try_into().map_or(Trace::None, Trace::Id),
        ValueRef::Text(text) => Trace::Text(String::from_utf8_lossy(text).into_owned()),
        _ => Trace::None,
    }
}

async fn store(
    client: &mut Client,
    org: &str,
    which: Which,
    part: &[Moved],
) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    insert(&transaction, which, part).await?;
    note(&transaction, which, part).await?;
    let column = if which == Which::Rows { "rows_through" } else { "versions_through" };
    let sql = format!("UPDATE imports SET {column} = $2 WHERE source = $1");
    let through = part.last().map_or(0, |last| last.number);
    run(&transaction, &sql, &[&org, &through]).await?;
    transaction.commit().await?;
    Ok(())
}

async fn insert(to: &Transaction<'_>, which: Which, part: &[Moved]) -> Result<(), StoreError> {
    let numbers: Vec<i64> = part.iter().map(|row| row.number).collect();
    let objects: Vec<i64> = part.iter().map(|row| row.object).collect();
    let ids: Vec<&[u8]> = part.iter().map(|row| &*row.row_id).collect();
    let xacts: Vec<i64> = part.iter().map(|row| row.xact).collect();
    let created: Vec<i64> = part.iter().map(|row| row.created_us).collect();
    let roots: Vec<bool> = part.iter().map(|row| row.is_root).collect();
    let traces: Vec<&[u8]> = part.iter().map(|row| &*row.trace).collect();
    let documents: Vec<&[u8]> = part.iter().map(|row| &*row.document).collect();
    let until: Vec<i64> = part.iter().map(|row| row.until).collect();
    let columns = "object, row_id, number, xact, created_us, is_root, trace, document";
    let types =
        "$1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[],
                 $7::bytea[], $8::bytea[]";
    match which {
        Which::Rows => {
            let sql = format!("INSERT INTO rows ({columns}) SELECT * FROM unnest({types})");
            run(
                to,
                &sql,
                &[&objects, &ids, &numbers, &xacts, &created, &roots, &traces, &documents],
            )
            .await?;
        }
        Which::Earlier => {
            let sql = format!(
                "INSERT INTO row_versions ({columns}, until)
                 SELECT * FROM unnest({types}, $9::bigint[])"
            );
            run(
                to,
                &sql,
                &[&objects, &ids, &numbers, &xacts, &created, &roots, &traces, &documents, &until],
            )
            .await?;
        }
    }
    Ok(())
}

/// Leaves the rows to be indexed.
async fn note(to: &Transaction<'_>, which: Which, part: &[Moved]) -> Result<(), StoreError> {
    let mut objects: Vec<i64> = part.iter().map(|row| row.object).collect();
    objects.sort_unstable();
    objects.dedup();
    for object in objects {
        let own: Vec<&Moved> = part.iter().filter(|row| row.object == object).collect();
        let numbers: Vec<i64> = own.iter().map(|row| row.number).collect();
        let mut traces: Vec<&[u8]> = own.iter().map(|row| &*row.trace).collect();
        traces.sort_unstable();
        traces.dedup();
        let count = i32::try_from(own.len()).unwrap_or(i32::MAX);
        let none: Vec<i64> = Vec::new();
        let (traces, numbers, earlier) = match which {
            Which::Rows => (traces, numbers, none.clone()),
            Which::Earlier => (Vec::new(), none.clone(), numbers),
        };
        run(
            to,
            "INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[&object, &count, &traces, &numbers, &none, &earlier],
        )
        .await?;
    }
    Ok(())
}
