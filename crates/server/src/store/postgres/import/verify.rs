//! Reading both stores to the end, and comparing.

use deadpool_postgres::{Client, GenericClient as _};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::registry::{self, TABLES, Value};
use super::rows::{self, Moved, Which};
use super::{MigrationError, MigrationReport};
use crate::store::StoreError;

/// Rows read at once from the other side.
const STEP_ROWS: i64 = 2_000;

/// Compares what is registered value by value, and rows by count and checksum.
pub(super) fn compare(
    handle: &Handle,
    source: &Connection,
    client: &Client,
    compared: &mut dyn FnMut(u64),
) -> Result<MigrationReport, MigrationError> {
    let mut report = MigrationReport::default();
    let mut all = Sha256::new();
    for table in &TABLES {
        let mut here = Vec::new();
        registry::each(source, table, &mut |values| {
            here.push(values);
            Ok(())
        })?;
        let there = registry::each_there(handle, client, table)?;
        let name = table.name;
        if here.len() != there.len() {
            return Err(differ(&format!("counts of {name}"), &here.len(), &there.len()));
        }
        if let Some((one, other)) = here.iter().zip(&there).find(|(one, other)| one != other) {
            return Err(differ(&format!("rows of {name}"), &show(one), &show(other)));
        }
        report.registered += here.len() as u64;
        for values in &here {
            all.update(format!("{values:?}"));
        }
    }
    let mut done = 0;
    for which in [Which::Rows, Which::Earlier] {
        let (mut one, mut other) = (Sums::default(), Sums::default());
        let mut after = 0;
        loop {
            let part = rows::read(source, which, after)?;
            let Some(last) = part.last() else { break };
            after = last.number;
            part.iter().for_each(|row| one.add(row));
            let mut from = part.first().map_or(0, |first| first.number - 1);
            // The same range of numbers from the other side, some at a time.
            loop {
                let there = handle.block_on(read_there(client, which, from, after))?;
                let Some(last) = there.last() else { break };
                from = last.number;
                there.iter().for_each(|row| other.add(row));
            }
            done += part.len() as u64;
            compared(done);
        }
        let name = which.table();
        if one.count != other.count {
            return Err(differ(&format!("counts of {name}"), &one.count, &other.count));
        }
        let (one_hash, other_hash) = (one.hash.finalize(), other.hash.finalize());
        if one_hash != other_hash {
            return Err(differ(
                &format!("checksums of {name}"),
                &hex(&one_hash),
                &hex(&other_hash),
            ));
        }
        all.update(one_hash);
        match which {
            Which::Rows => report.rows = one.count,
            Which::Earlier => report.earlier = one.count,
        }
    }
    report.checksum = hex(&all.finalize());
    Ok(report)
}

#[derive(Default)]
struct Sums {
    count: u64,
    hash: Sha256,
}

impl Sums {
    fn add(&mut self, row: &Moved) {
        self.count += 1;
        for number in [row.number, row.object, row.xact, row.until, row.created_us] {
            self.hash.update(number.to_le_bytes());
        }
        self.hash.update([u8::from(row.is_root)]);
        for bytes in [&row.row_id, &row.trace, &row.document] {
            self.hash.update((bytes.len() as u64).to_le_bytes());
            self.hash.update(bytes);
        }
    }
}

async fn read_there(
    client: &Client,
    which: Which,
    after: i64,
    through: i64,
) -> Result<Vec<Moved>, StoreError> {
    let until = if which == Which::Earlier { "until" } else { "0::bigint" };
    let sql = format!(
        "SELECT number, object, row_id, xact, {until}, created_us, is_root, trace, document
         FROM {} WHERE number > $1 AND number <= $2
           AND object IN (SELECT number FROM objects WHERE NOT deleted)
         ORDER BY number LIMIT $3",
        which.table()
    );
    let statement = client.prepare_cached(&sql).await?;
    let found = client.query(&statement, &[&after, &through, &STEP_ROWS]).await?;
    let moved = |row: &tokio_postgres::Row| Moved {
        number: row.get(0),
        object: row.get(1),
        row_id: row.get(2),
        xact: row.get(3),
        until: row.get(4),
        created_us: row.get(5),
        is_root: row.get(6),
        trace: row.get(7),
        document: row.get(8),
    };
    Ok(found.iter().map(moved).collect())
}

fn differ(what: &str, one: &impl ToString, other: &impl ToString) -> MigrationError {
    MigrationError::Differs {
        what: what.into(),
        source_has: one.to_string(),
        destination_has: other.to_string(),
    }
}

fn show(values: &[Value]) -> String {
    let text = format!("{values:?}");
    text.chars().take(200).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
