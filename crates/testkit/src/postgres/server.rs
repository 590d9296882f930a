//! A running PostgreSQL, as its users see it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::{Cluster, programs};
use crate::{env, random, run};

const DEADLINE: Duration = Duration::from_secs(60);

/// A PostgreSQL that answers at a URL, with a superuser.
#[derive(Debug)]
pub struct Server {
    /// Such as `postgres://postgres:secret@127.0.0.1:5432`.
    base: String,
    psql: PathBuf,
}

/// The PostgreSQL of this run: the one that `TIDEGATE_TEST_POSTGRES` names, as `cargo xtask test`
/// does, else one that this test program starts. It does not survive a power loss; see
/// [`Cluster::durable`] for tests of that.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn shared() -> &'static Server {
    // Never dropped: the end of the process ends it.
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static NAMED: OnceLock<Option<Server>> = OnceLock::new();
    let named = NAMED.get_or_init(|| Some(Server::named(&env::read(env::POSTGRES)?)));
    named.as_ref().unwrap_or_else(|| CLUSTER.get_or_init(Cluster::quick))
}

impl Server {
    pub(super) fn new(base: String, psql: PathBuf) -> Self {
        Self { base, psql }
    }

    /// The server of a URL, whose database does not matter.
    fn named(url: &str) -> Self {
        let (_, rest) =
            url.split_once("://").unwrap_or_else(|| panic!("{}: no URL", env::POSTGRES));
        let host = rest.split('/').next().unwrap_or_default();
        let programs = programs::find().unwrap_or_else(|error| panic!("{error}"));
        Self::new(format!("postgres://{host}"), programs.join("psql"))
    }

    /// URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }

    /// Makes an empty database and returns its name.
    ///
    /// # Panics
    /// With what PostgreSQL says.
    #[must_use]
    pub fn create_database(&self) -> String {
        self.replace_databases(&[])
    }

    /// Removes a database, and ends the connections to it.
    ///
    /// # Panics
    /// With what PostgreSQL says.
    pub fn drop_database(&self, name: &str) {
        drop(self.ask("postgres", &[drop_statement(name)]));
    }

    /// Removes databases and makes an empty one, in one call of `psql`.
    pub(super) fn replace_databases(&self, old: &[String]) -> String {
        let name = format!("test_{}", random::hex());
        let mut statements: Vec<String> = old.iter().map(|name| drop_statement(name)).collect();
        // Of `template0`, which nobody can be connected to: that would make this fail.
        statements.push(format!("CREATE DATABASE {name} TEMPLATE template0"));
        drop(self.ask("postgres", &statements));
        name
    }

    /// What a statement returns: a line for each row, with `|` between its values, and nothing for
    /// null. Read it with a condition that makes this unambiguous.
    ///
    /// # Panics
    /// With what PostgreSQL says.
    #[must_use]
    pub fn query(&self, database: &str, statement: &str) -> Vec<String> {
        self.ask(database, &[statement.to_owned()]).lines().map(str::to_owned).collect()
    }

    /// Statements one after another, each a transaction of its own.
    fn ask(&self, database: &str, statements: &[String]) -> String {
        let mut psql = Command::new(&self.psql);
        // No settings of the user's, plain rows, no table, no notices; an error ends it.
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.url(database));
        psql.env("PGOPTIONS", "-c client_min_messages=warning");
        for statement in statements {
            psql.args(["-c", statement]);
        }
        run(&mut psql, DEADLINE).success().stdout
    }
}

fn drop_statement(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}
