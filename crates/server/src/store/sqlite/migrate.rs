//! Numbered migrations and the table that says which were applied.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::OpenError;
use crate::clock;

/// In order; the version of a schema is the number of migrations applied to it.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_changes.sql"),
    include_str!("migrations/0003_objects.sql"),
    include_str!("migrations/0004_keys.sql"),
    include_str!("migrations/0005_versions.sql"),
    include_str!("migrations/0006_profiles.sql"),
    include_str!("migrations/0007_functions.sql"),
];

/// The newest schema version this build knows.
pub(super) const SUPPORTED: u32 = MIGRATIONS.len() as u32;

/// Reads the schema version without changing anything; 0 for an empty database.
///
/// # Errors
/// [`OpenError::Newer`] and [`OpenError::Foreign`] if the database is not ours to touch.
pub(super) fn check(connection: &Connection) -> Result<u32, OpenError> {
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(0);
    }
    let versioned: bool = connection.query_row(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
        [],
        |row| row.get(0),
    )?;
    if !versioned {
        return Err(OpenError::Foreign);
    }
    let found: Option<u32> = connection
        .query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0))
        .optional()?
        .flatten();
    match found {
        Some(found) if found > SUPPORTED => Err(OpenError::Newer { found, supported: SUPPORTED }),
        Some(found) => Ok(found),
        None => Err(OpenError::Foreign),
    }
}

/// Applies the missing migrations, each in its own transaction.
pub(super) fn apply(connection: &mut Connection, found: u32) -> Result<(), OpenError> {
    for (version, sql) in
        (1_u32..).zip(MIGRATIONS.iter().copied()).filter(|(version, _)| *version > found)
    {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO schema_version (version, applied) VALUES (?1, ?2)",
            (version, clock::now_text()),
        )?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_an_empty_database_reaches_the_supported_version() {
        let mut connection = Connection::open_in_memory().expect("open");
        assert_eq!(check(&connection).expect("empty"), 0);
        apply(&mut connection, 0).expect("migrate");
        assert_eq!(check(&connection).expect("migrated"), SUPPORTED);
    }

    /// Makes a database of an earlier version.
    fn earlier(version: u32) -> Connection {
        let connection = Connection::open_in_memory().expect("open");
        connection.pragma_update(None, "foreign_keys", true).expect("set");
        for (version, sql) in (1..=version).zip(MIGRATIONS.iter().copied()) {
            connection.execute_batch(sql).expect("migrate");
            connection
                .execute("INSERT INTO schema_version VALUES (?1, '')", [version])
                .expect("insert");
        }
        connection
    }

    #[test]
    fn functions_come_to_projects_of_the_version_before() {
        let mut connection = earlier(6);
        assert_eq!(check(&connection).expect("ours"), 6);
        let project = "INSERT INTO projects (id, name, created) VALUES ('i', 'p', '')";
        connection.execute(project, []).expect("insert");
        apply(&mut connection, 6).expect("migrate");
        assert_eq!(check(&connection).expect("migrated"), SUPPORTED);
        let function = "INSERT INTO functions (id, project, slug, created)
            SELECT 'f', number, 's', '' FROM projects WHERE id = 'i'";
        assert_eq!(connection.execute(function, []).expect("insert"), 1);
        connection.execute(&function.replace("'f'", "'g'"), []).expect_err("the slug is taken");
        connection.execute("DELETE FROM projects", []).expect_err("it is in use");
    }

    #[test]
    fn other_databases_are_refused() {
        let connection = Connection::open_in_memory().expect("open");
        connection.execute_batch("CREATE TABLE theirs (a)").expect("create");
        assert!(matches!(check(&connection), Err(OpenError::Foreign)));
    }

    #[test]
    fn newer_databases_are_refused() {
        let mut connection = Connection::open_in_memory().expect("open");
        apply(&mut connection, 0).expect("migrate");
        connection
            .execute("INSERT INTO schema_version VALUES (?1, '')", [SUPPORTED + 1])
            .expect("insert");
        let refused = check(&connection);
        assert!(
            matches!(refused, Err(OpenError::Newer { found, .. }) if found == SUPPORTED + 1),
            "{refused:?}"
        );
    }
}
