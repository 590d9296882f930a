//! Connections: how they are made, how many there are, how long anything may take.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Client, GenericClient, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
    Timeouts,
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// Connections of one collector. A core of the database serves about as many at once, and reads
/// that wait hold no memory of the database.
const CONNECTIONS: usize = 16;
/// For a free connection, for a new one, and for a look at an old one.
const PATIENCE: Duration = Duration::from_secs(10);
/// For any statement that has no deadline of its own.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A pool of connections to one database.
#[derive(Clone)]
pub(super) struct Database {
    pool: Pool,
    /// For connections outside the pool.
    config: Config,
    tls: MakeRustlsConnect,
    /// The URL without secrets.
    name: Arc<str>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Database {
    /// Prepares connections to the database of a URL (or a libpq string); none is made yet.
    ///
    /// # Errors
    /// The URL cannot be read, or the system's certificates.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(StoreError::engine)?;
        let settings = format!(
            "-c statement_timeout={} -c idle_in_transaction_session_timeout={} \
             -c synchronous_commit=on -c client_min_messages=warning",
            STATEMENT_TIMEOUT.as_millis(),
            STATEMENT_TIMEOUT.as_millis(),
        );
        let own = config.get_options().map(str::to_owned).unwrap_or_default();
        config.options(format!("{settings} {own}"));
        if config.get_application_name().is_none() {
            config.application_name("tidegate");
        }
        config.connect_timeout(PATIENCE).keepalives_idle(Duration::from_secs(30));
        config.tcp_user_timeout(STATEMENT_TIMEOUT);
        let tls = MakeRustlsConnect::new(tls()?);
        // Asked before it is used again: what its last user gave up may still run, or nobody be there.
        let manager = Manager::from_config(
            config.clone(),
            tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Verified },
        );
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(PATIENCE),
                create: Some(PATIENCE),
                recycle: Some(PATIENCE),
            })
            .build()
            .map_err(StoreError::engine)?;
        let name = Arc::from(name(&config));
        Ok(Self { pool, config, tls, name })
    }

    /// Takes a connection from the pool.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] if none gets free in time, [`StoreError::Unreachable`] if none
    /// can be made.
    pub(super) async fn client(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => StoreError::Overloaded,
            PoolError::Closed => StoreError::Closed,
            PoolError::Backend(error) => match StoreError::from(error) {
                StoreError::Engine(source) => StoreError::Unreachable(source),
                other => other,
            },
            other => StoreError::Unreachable(Arc::new(other)),
        })
    }

    /// Makes a connection of its own, for notices.
    pub(super) async fn apart(
        &self,
    ) -> Result<(tokio_postgres::Client, Apart), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }

    /// Connections in use just now.
    pub(super) fn in_use(&self) -> usize {
        let status = self.pool.status();
        status.size.saturating_sub(status.available)
    }

    /// Refuses everything from now on.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// The driver of a connection outside the pool.
pub(super) type Apart = tokio_postgres::Connection<
    tokio_postgres::Socket,
    <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
>;

/// Verified by what the system trusts, and by the host's name.
fn tls() -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StoreError::engine)?;
    Ok(builder.with_platform_verifier().map_err(StoreError::engine)?.with_no_client_auth())
}

/// What a URL names, without secrets.
pub(crate) fn name_of(url: &str) -> String {
    Config::from_str(url)
        .map_or_else(|_| "postgres: (no readable URL)".into(), |config| name(&config))
}

fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    let port = config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
    let database = config.get_dbname().or_else(|| config.get_user()).unwrap_or_default();
    format!("postgres://{host}{port}/{database}")
}

/// Waits for what the database ends by itself in [`STATEMENT_TIMEOUT`], unless nobody is there any
/// more to do that.
pub(super) async fn in_time<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let silent = || StoreError::Unreachable(Arc::new(Silent));
    tokio::time::timeout(STATEMENT_TIMEOUT + PATIENCE, work).await.unwrap_or_else(|_| Err(silent()))
}

/// Values of a statement.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Runs a statement that is prepared once per connection, and returns its rows.
pub(super) async fn rows(
    on: &impl GenericClient,
    sql: &str,
    values: Values<'_>,
) -> Result<Vec<Row>, StoreError> {
    let work = async {
        let statement = on.prepare_cached(sql).await?;
        Ok(on.query(&statement, values).await?)
    };
    in_time(work).await
}

/// As [`rows`], for at most one row.
pub(super) async fn row(
    on: &impl GenericClient,
    sql: &str,
    values: Values<'_>,
) -> Result<Option<Row>, StoreError> {
    let work = async {
        let statement = on.prepare_cached(sql).await?;
        Ok(on.query_opt(&statement, values).await?)
    };
    in_time(work).await
}

/// As [`rows`], for exactly one row.
pub(super) async fn one(
    on: &impl GenericClient,
    sql: &str,
    values: Values<'_>,
) -> Result<Row, StoreError> {
    let work = async {
        let statement = on.prepare_cached(sql).await?;
        Ok(on.query_one(&statement, values).await?)
    };
    in_time(work).await
}

/// As [`rows`], and returns how many rows it changed.
pub(super) async fn run(
    on: &impl GenericClient,
    sql: &str,
    values: Values<'_>,
) -> Result<u64, StoreError> {
    let work = async {
        let statement = on.prepare_cached(sql).await?;
        Ok(on.execute(&statement, values).await?)
    };
    in_time(work).await
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else {
            // Not an answer of the database: the connection, or a value that does not fit.
            let lost = error.is_closed() || std::error::Error::source(&error).is_some_and(is_io);
            let error = Arc::new(error);
            return if lost { Self::Unreachable(error) } else { Self::Engine(error) };
        };
        match *code {
            SqlState::DISK_FULL => Self::DiskFull,
            SqlState::QUERY_CANCELED => Self::Interrupted,
            // Texts are UTF-8, so it can be no other.
            SqlState::CHARACTER_NOT_IN_REPERTOIRE => Self::NulCharacter,
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE => Self::Overloaded,
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            // A standby: the primary is elsewhere by now.
            | SqlState::READ_ONLY_SQL_TRANSACTION => Self::Unreachable(Arc::new(error)),
            ref other if other.code().starts_with("08") => Self::Unreachable(Arc::new(error)),
            _ => Self::Engine(Arc::new(error)),
        }
    }
}

/// Why a database is given up on.
#[derive(Debug, thiserror::Error)]
#[error("it did not answer in time")]
struct Silent;

/// Why a database that answers is of no use.
#[derive(Debug, thiserror::Error)]
#[error("it is a standby, or read only")]
pub(super) struct ReadOnly;

fn is_io(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<std::io::Error>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_secrets() {
        let config = Config::from_str("postgres://u:secret@db.example:5433/tide?sslmode=require");
        assert_eq!(name(&config.expect("a URL")), "postgres://db.example:5433/tide");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert!(matches!(Database::new("postgres://h:port/"), Err(StoreError::Engine(_))));
    }
}
