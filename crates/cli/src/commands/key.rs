//! `tidegate key`.

use comfy_table::{Table, presets};
use serde_json::json;
use tidegate_server::{KeyInfo, Keyring, KeyringError, NewKey, Scope};

use crate::args::key::{Create, KeyArguments, List, Revoke, What};
use crate::args::{DataDir, Database};
use crate::exit::Failure;
use crate::printer::Printer;

pub(crate) async fn run(key: &KeyArguments, printer: &Printer) -> Result<(), Failure> {
    match &key.what {
        What::Create(create) => make(create, printer).await,
        What::List(list) => show(list, printer).await,
        What::Revoke(revoke) => withdraw(revoke, printer).await,
    }
}

async fn make(create: &Create, printer: &Printer) -> Result<(), Failure> {
    let scope = if create.read_only { Scope::Read } else { Scope::Write };
    let new = NewKey { name: create.name.clone(), project: create.project.clone(), scope };
    let keyring = match create.database.url() {
        Some(url) => Keyring::connect(url).await,
        None => Keyring::open_or_create(create.data_dir.path()).await,
    }
    .map_err(failure)?;
    let made = keyring.create(new).await;
    keyring.close().await;
    let made = made.map_err(failure)?;
    if let Some(project) = create.project.as_ref().filter(|_| made.project_made) {
        printer.say(format_args!("project {project:?} did not exist and was made"));
    }
    if create.json {
        return printer.data(json!({"key": made.key, "id": made.id}));
    }
    printer.say(format_args!("made key {}; it is shown only now:", made.id));
    printer.data(made.key)
}

async fn show(list: &List, printer: &Printer) -> Result<(), Failure> {
    let keyring = open(&list.data_dir, &list.database).await?;
    let keys = keyring.list().await;
    keyring.close().await;
    let keys = keys.map_err(failure)?;
    if list.json {
        return printer.data(json!({ "keys": keys }));
    }
    if keys.is_empty() {
        return printer.data("there are no keys");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["id", "name", "scope", "project", "created", "last used", "state"]);
    for key in &keys {
        table.add_row([
            key.id.clone(),
            key.name.clone().unwrap_or_default(),
            scope(key).to_owned(),
            project(key).to_owned(),
            seconds(&key.created).to_owned(),
            key.last_used.as_deref().map_or("never", seconds).to_owned(),
            match &key.revoked {
                None => "valid".to_owned(),
                Some(time) => format!("revoked {}", seconds(time)),
            },
        ]);
    }
    printer.data(table)
}

async fn withdraw(revoke: &Revoke, printer: &Printer) -> Result<(), Failure> {
    let keyring = open(&revoke.data_dir, &revoke.database).await?;
    let key = keyring.revoke(&revoke.id).await;
    keyring.close().await;
    let key = key.map_err(failure)?;
    if revoke.json {
        return printer.data(json!(key));
    }
    let name = key.name.map(|name| format!(" ({name})")).unwrap_or_default();
    printer.data(format_args!("revoked key {}{name}", key.id))
}

async fn open(data_dir: &DataDir, database: &Database) -> Result<Keyring, Failure> {
    match database.url() {
        Some(url) => Keyring::connect(url).await,
        None => Keyring::open(data_dir.path()).await,
    }
    .map_err(failure)
}

fn scope(key: &KeyInfo) -> &'static str {
    match key.scope {
        Scope::Read => "read",
        Scope::Write => "read, write",
    }
}

fn project(key: &KeyInfo) -> &str {
    match (&key.project, &key.project_id) {
        (Some(name), _) => name,
        (None, Some(_)) => "deleted",
        (None, None) => "all",
    }
}

/// A time without its fraction.
fn seconds(time: &str) -> &str {
    time.split('.').next().unwrap_or_default()
}

fn failure(error: KeyringError) -> Failure {
    let hint = match error {
        KeyringError::Directory(error) => return super::serve::failure(error),
        KeyringError::Empty { .. } => {
            "name the directory of the server with --data-dir or TIDEGATE_DATA_DIR"
        }
        KeyringError::Refused(_) => "see `tidegate key list`, or correct the names",
        KeyringError::Unreachable { .. } => {
            "run it again; if the server hangs, restart it, or stop it first"
        }
        _ => "check the data directory and the disk",
    };
    Failure::failed(error.into(), hint)
}
