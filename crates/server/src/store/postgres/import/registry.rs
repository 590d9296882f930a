//! Projects, experiments and all else that is registered: small tables, copied as they are.

use deadpool_postgres::{GenericClient, Transaction};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::MigrationError;
use crate::store::StoreError;

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    /// Bytes, or the bytes of a text.
    Bytes,
}

/// A table: its name, which is the same on both sides, and its columns; the first few are its order.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
    /// What belongs to it, on the side of SQLite.
    pub(super) which: &'static str,
}

use Type::{Bytes, Integer, Text};

/// In an order in which references hold.
pub(super) const TABLES: [Table; 11] = [
    Table {
        name: "api_keys",
        columns: &[
            ("id", Text),
            ("sha256", Bytes),
            ("created", Text),
            ("revoked", Text),
            ("name", Text),
            ("scope", Text),
            ("project", Text),
            ("last_used", Text),
        ],
        which: "true",
    },
    Table {
        name: "projects",
        columns: &[
            ("number", Integer),
            ("id", Text),
            ("name", Text),
            ("created", Text),
            ("details", Text),
        ],
        which: "true",
    },
    Table {
        name: "experiments",
        columns: &[
            ("number", Integer),
            ("id", Text),
            ("project", Integer),
            ("name", Text),
            ("created", Text),
            ("commit_hash", Text),
            ("base_id", Text),
            ("details", Text),
            ("registration", Text),
        ],
        which: "true",
    },
    Table {
        name: "datasets",
        columns: &[
            ("number", Integer),
            ("id", Text),
            ("project", Integer),
            ("name", Text),
            ("created", Text),
            ("details", Text),
        ],
        which: "true",
    },
    Table {
        name: "dataset_snapshots",
        columns: &[
            ("number", Integer),
            ("id", Text),
            ("dataset", Integer),
            ("name", Text),
            ("description", Text),
            ("xact", Integer),
            ("created", Text),
        ],
        which: "true",
    },
    Table {
        name: "dataset_environments",
        columns: &[
            ("id", Text),
            ("dataset", Integer),
            ("environment", Text),
            ("xact", Integer),
            ("created", Text),
        ],
        which: "true",
    },
    Table {
        name: "functions",
        columns: &[
            ("number", Integer),
            ("id", Text),
            ("project", Integer),
            ("slug", Text),
            ("created", Text),
        ],
        which: "true",
    },
    Table {
        name: "function_versions",
        columns: &[
            ("number", Integer),
            ("function", Integer),
            ("xact", Integer),
            ("name", Text),
            ("kind", Text),
            ("function_type", Text),
            ("bundle", Text),
            ("document", Bytes),
        ],
        which: "true",
    },
    Table {
        name: "function_environments",
        columns: &[
            ("id", Text),
            ("function", Integer),
            ("environment", Text),
            ("xact", Integer),
            ("created", Text),
        ],
        which: "true",
    },
    Table {
        name: "blobs",
        columns: &[
            ("key", Text),
            ("purpose", Text),
            ("project", Text),
            ("maker", Text),
            ("filename", Text),
            ("content_type", Text),
            ("status", Text),
            ("error", Text),
            ("file", Text),
            ("bytes", Integer),
            ("xact", Integer),
            ("created_us", Integer),
            ("experiment", Text),
        ],
        which: "true",
    },
    // Those that were deleted stay behind, with what is left of their rows.
    Table {
        name: "objects",
        columns: &[("number", Integer), ("kind", Text), ("id", Text)],
        which: "kind NOT IN ('deleted', 'swept')",
    },
];

/// Tables whose `number` counts on.
pub(super) const NUMBERED: [&str; 7] = [
    "projects",
    "experiments",
    "datasets",
    "dataset_snapshots",
    "functions",
    "function_versions",
    "objects",
];

/// A value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    fn bound(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(text) => text,
            Self::Integer(number) => number,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Copies all tables, and the facts of the store.
pub(super) fn copy(
    handle: &Handle,
    source: &Connection,
    to: &Transaction<'_>,
) -> Result<(), MigrationError> {
    let (id, name, secret): (String, String, Option<Vec<u8>>) =
        source.query_row("SELECT org_id, org_name, signing_secret FROM store", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    handle
        .block_on(async {
            to.execute("DELETE FROM store", &[]).await?;
            let sql = "INSERT INTO store (org_id, org_name, signing_secret) VALUES ($1, $2, $3)";
            to.execute(sql, &[&id, &name, &secret]).await
        })
        .map_err(StoreError::from)?;
    for table in &TABLES {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            table.name,
            names.join(", "),
            places.join(", ")
        );
        let insert = handle.block_on(to.prepare_cached(&sql)).map_err(StoreError::from)?;
        each(source, table, &mut |values| {
            let bound: Vec<_> = values.iter().map(Value::bound).collect();
            handle.block_on(to.execute(&insert, &bound)).map_err(StoreError::from)?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Reads a table in the order of its first column.
pub(super) fn each(
    source: &Connection,
    table: &Table,
    visit: &mut dyn FnMut(Vec<Value>) -> Result<(), MigrationError>,
) -> Result<(), MigrationError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {}",
        names.join(", "),
        table.name,
        table.which,
        names[0]
    );
    let mut statement = source.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(names.len());
        for (index, (_, kind)) in table.columns.iter().enumerate() {
            values.push(match kind {
                Text => Value::Text(row.get(index)?),
                Integer => Value::Integer(row.get(index)?),
                Bytes => Value::Bytes(match row.get_ref(index)? {
                    ValueRef::Null => None,
                    other => Some(other.as_bytes().map_err(rusqlite::Error::from)?.to_vec()),
                }),
            });
        }
        visit(values)?;
    }
    Ok(())
}

/// Reads a table as [`each`] does, from the other side.
pub(super) fn each_there(
    handle: &Handle,
    on: &impl GenericClient,
    table: &Table,
) -> Result<Vec<Vec<Value>>, MigrationError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    // Objects that were made and deleted since are nobody's here.
    let living = if table.name == "objects" { "NOT deleted" } else { "true" };
    let sql = format!(
        "SELECT {} FROM {} WHERE {living} ORDER BY {}",
        names.join(", "),
        table.name,
        names[0]
    );
    let found = handle.block_on(on.query(&sql, &[])).map_err(StoreError::from)?;
    let value = |row: &tokio_postgres::Row, index: usize, kind: Type| match kind {
        Text => Value::Text(row.get(index)),
        Integer => Value::Integer(row.get(index)),
        Bytes => Value::Bytes(row.get(index)),
    };
    Ok(found
        .iter()
        .map(|row| {
            let columns = table.columns.iter().enumerate();
            columns.map(|(index, (_, kind))| value(row, index, *kind)).collect()
        })
        .collect())
}
