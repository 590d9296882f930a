//! What the collectors of tests keep their rows in, and a look into it from outside: the same
//! questions to SQLite's file and to PostgreSQL.

use std::path::{Path, PathBuf};

use tidegate_server::{Keyring, Options};
use tidegate_testkit::postgres::{Store, database_of, shared, store};

/// Ends a test that is about SQLite's own file, with the reason, when tests use PostgreSQL.
macro_rules! sqlite_only {
    ($reason:literal) => {
        if tidegate_testkit::postgres::ends_here($reason) {
            return;
        }
    };
}
pub(crate) use sqlite_only;

/// Options for a data directory, on the store of this run.
pub(crate) fn options_on(data_dir: &Path) -> Options {
    let options = Options::new(data_dir);
    match database_of(data_dir) {
        None => options,
        Some(url) => on_postgres(options, url),
    }
}

/// The keys of a collector, as another process would open them.
pub(crate) async fn keyring(data_dir: &Path) -> Keyring {
    let keyring = match database_of(data_dir) {
        None => Keyring::open(data_dir).await,
        Some(url) => keyring_on_postgres(url).await,
    };
    keyring.expect("a keyring")
}

mod on_postgres {
    use tidegate_server::{Keyring, KeyringError, Options};

    #[cfg(feature = "postgres")]
    pub(super) fn on_postgres(options: Options, url: String) -> Options {
        options.database(url)
    }

    #[cfg(feature = "postgres")]
    pub(super) async fn keyring_on_postgres(url: String) -> Result<Keyring, KeyringError> {
        Keyring::connect(&url).await
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn on_postgres(_: Options, _: String) -> Options {
        panic!("TIDEGATE_TEST_STORE=postgres: tidegate-server is built without `postgres`")
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) async fn keyring_on_postgres(_: String) -> Result<Keyring, KeyringError> {
        panic!("TIDEGATE_TEST_STORE=postgres: tidegate-server is built without `postgres`")
    }
}
use on_postgres::{keyring_on_postgres, on_postgres};

/// Lets collectors hear of keys that another process made or revoked: on PostgreSQL it takes a second
/// at the most, on SQLite the collector does it itself.
pub(crate) async fn keys_are_known() {
    if store() == Store::Postgres {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

/// The database of a data directory, for statements that both dialects know.
pub(crate) enum Database {
    Sqlite(PathBuf),
    /// By its name at the shared server.
    Postgres(String),
}

impl Database {
    pub(crate) fn of(data_dir: &Path) -> Self {
        match store() {
            Store::Sqlite => Self::Sqlite(data_dir.join("tidegate.db")),
            Store::Postgres => {
                let url = database_of(data_dir).expect("a database");
                Self::Postgres(url.rsplit('/').next().expect("a name").to_owned())
            }
        }
    }

    /// The one number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let [line] = &self.rows(sql)[..] else { panic!("not one row: {sql}") };
        line.parse().unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The rows of a query as text, of whatever form: only to compare with each other.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite(path) => sqlite_rows(path, sql),
            Self::Postgres(name) => shared().query(name, sql),
        }
    }

    /// The rows of several queries, each behind the label of its query.
    pub(crate) fn labelled(&self, queries: &[(String, String)]) -> Vec<String> {
        match self {
            Self::Sqlite(_) => {
                let rows = queries.iter().flat_map(|(sql, label)| {
                    self.rows(sql).into_iter().map(move |row| format!("{label}: {row}"))
                });
                rows.collect()
            }
            // In one statement, since each starts a process.
            Self::Postgres(_) => {
                let parts = queries.iter().map(|(sql, label)| {
                    format!("SELECT '{label}: ' || part::text FROM ({sql}) AS part")
                });
                self.rows(&parts.collect::<Vec<_>>().join(" UNION ALL "))
            }
        }
    }

    /// Runs statements that return nothing.
    pub(crate) fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(path) => {
                let database = rusqlite::Connection::open(path).expect("open");
                database.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
            }
            Self::Postgres(name) => drop(shared().query(name, sql)),
        }
    }

    /// Names of all tables, without the partitions of which some consist.
    pub(crate) fn tables(&self) -> Vec<String> {
        self.rows(match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Self::Postgres(_) => {
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
                    AND relnamespace = 'public'::regnamespace ORDER BY relname"
            }
        })
    }
}

fn sqlite_rows(path: &Path, sql: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(path, flags).expect("open");
    let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Integer(number) => number.to_string(),
                other => format!("{other:?}"),
            })
        });
        Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    });
    rows.expect("query").map(|row| row.expect("a row")).collect()
}
