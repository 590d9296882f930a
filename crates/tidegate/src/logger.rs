//! `init_logger()`: production logs that find their destination by themselves.

use std::ops::Deref;

use tidegate_client::env::Settings;
use tidegate_client::{Config, Logger, Policy};

use crate::connection::Connection;
use crate::error::Error;

/// How a service records.
///
/// ```
/// use tidegate::LoggerOptions;
/// use tidegate::client::Policy;
///
/// let options = LoggerOptions::new("my-service").sample_ratio(0.1).policy(Policy::Drop);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LoggerOptions {
    project: String,
    org_name: Option<String>,
    policy: Policy,
    sample_ratio: f64,
}

impl LoggerOptions {
    /// Names the project, which is created if it is unknown.
    pub fn new(project: impl Into<String>) -> Self {
        let policy = Policy::Drop;
        Self { project: project.into(), org_name: None, policy, sample_ratio: 1.0 }
    }

    /// Chooses the organisation; `BRAINTRUST_ORG_NAME`, else the first one of the key, by default.
    pub fn org_name(mut self, name: impl Into<String>) -> Self {
        self.org_name = Some(name.into());
        self
    }

    /// Sets what happens when the byte budget is full; [`Policy::Drop`] by default, counted and
    /// said, since a service must not wait for its telemetry.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Records only a fraction of all traces; see [`Config::sample_ratio`].
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.sample_ratio = ratio;
        self
    }
}

impl From<&str> for LoggerOptions {
    fn from(project: &str) -> Self {
        Self::new(project)
    }
}

/// A [`Logger`] and the connection that it records through.
#[derive(Debug)]
pub struct ProjectLogger {
    // Dropped first: it shares the client of the connection.
    logger: Logger,
    connection: Connection,
}

impl Deref for ProjectLogger {
    type Target = Logger;

    fn deref(&self) -> &Logger {
        &self.logger
    }
}

impl ProjectLogger {
    /// Delivers what is pending and closes the collector, if it is in this process: see
    /// [`Connection::close`].
    pub async fn close(self) {
        let Self { logger, connection } = self;
        drop(logger);
        connection.close().await;
    }
}

/// Makes a logger for a project, sending where [`Connection`] says.
///
/// ```no_run
/// # async fn serve() -> Result<(), tidegate::Error> {
/// use tidegate::prelude::*;
///
/// let logger = tidegate::init_logger("my-service").await?;
/// let answer = logger.traced("request", async { 42 }).await;
/// logger.log(Event::new().input("ping").output(&answer));
/// logger.close().await;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error`] if nothing says where to record, or the project cannot be registered. A service that
/// must start while the server is away makes a [`Logger`] with [`Logger::new`] instead, which asks
/// nobody.
pub async fn init_logger(options: impl Into<LoggerOptions>) -> Result<ProjectLogger, Error> {
    with(&Settings::from_env()?, options.into()).await
}

async fn with(settings: &Settings, options: LoggerOptions) -> Result<ProjectLogger, Error> {
    let LoggerOptions { project, org_name, policy, sample_ratio } = options;
    let mut config = Config::from_settings(settings).policy(policy).sample_ratio(sample_ratio);
    if let Some(name) = org_name {
        config = config.org_name(name);
    }
    let connection = Connection::configured(settings, config)?;
    let logger = connection.client().init_logger(project).await.map_err(Error::Logger)?;
    Ok(ProjectLogger { logger, connection })
}

impl LoggerOptions {
    /// As [`init_logger`], by settings that were read or made before.
    ///
    /// # Errors
    /// As [`init_logger`].
    pub async fn init(self, settings: &Settings) -> Result<ProjectLogger, Error> {
        with(settings, self).await
    }
}
