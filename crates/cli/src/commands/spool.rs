//! `tidegate spool`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tidegate_client::env::{Settings, SettingsError};
use tidegate_client::spool::{self, Directory, DrainError, Target};
use tidegate_client::{Client, Config};
use tidegate_server::{Handle, Options, Role, StartError, start};

use crate::args::spool::{Drain, Spool, Status, What};
use crate::exit::Failure;
use crate::printer::Printer;

/// How long a collector that was started for the drain may take to close.
const CLOSE: Duration = Duration::from_secs(10);

pub(crate) async fn run(spool: &Spool, printer: &Printer) -> Result<(), Failure> {
    match &spool.what {
        What::Status(status) => show(status, printer),
        What::Drain(drain) => send(drain, printer).await,
    }
}

fn show(status: &Status, printer: &Printer) -> Result<(), Failure> {
    let root = status.data_dir.path().join("spool");
    let mut all = Vec::new();
    for directory in spool::directories(&root).map_err(|error| unreadable(error, &root))? {
        let status = spool::status(&directory.path);
        let status = status.map_err(|error| unreadable(error, &directory.path))?;
        all.push((directory, status));
    }
    if status.json {
        let all = all.iter().map(|(directory, status)| {
            json!({"directory": directory.path, "target": directory.target, "status": status})
        });
        return printer.data(json!(all.collect::<Vec<_>>()));
    }
    let used = all.iter().filter(|(_, status)| status.segments + status.live_segments > 0);
    let mut empty = true;
    for (directory, status) in used {
        empty = false;
        printer.data(format_args!(
            "{}: {} record(s) in {} segment(s), {} bytes{}",
            name(&directory.target),
            status.records,
            status.segments + status.live_segments,
            status.bytes,
            match status.live_segments {
                0 => String::new(),
                live =>
                    format!("; {live} segment(s) belong to a running process and are not counted"),
            }
        ))?;
    }
    if empty {
        printer.data("the spool is empty")?;
    }
    Ok(())
}

async fn send(drain: &Drain, printer: &Printer) -> Result<(), Failure> {
    let root = drain.root();
    let settings = Settings::from_env().map_err(|error: SettingsError| {
        Failure::usage(error.into(), "correct the line, or remove the file")
    })?;
    let mut results = Vec::new();
    let mut failure = None;
    for directory in spool::directories(&root).map_err(|error| unreadable(error, &root))? {
        match one(drain, &directory, &settings, printer).await {
            Ok(drained) => results.push((directory, drained)),
            // The others may be reachable; the first failure decides the exit code.
            Err(error) => {
                if let Some(before) = failure.replace(error) {
                    printer.failure(&before);
                }
            }
        }
    }
    if drain.json {
        let all = results.iter().map(|(directory, drained)| {
            json!({"directory": directory.path, "target": directory.target, "drained": drained})
        });
        printer.data(json!(all.collect::<Vec<_>>()))?;
    } else if results.is_empty() && failure.is_none() {
        printer.data("the spool is empty")?;
    } else {
        for (directory, drained) in &results {
            printer.data(format_args!(
                "{}: delivered {} record(s) in {} row(s){}",
                name(&directory.target),
                drained.records,
                drained.rows,
                match drained.rejected_rows {
                    0 => String::new(),
                    rows => format!(
                        "; {rows} row(s) were refused and are kept in {}",
                        directory.path.join("rejected.jsonl").display()
                    ),
                }
            ))?;
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn one(
    drain: &Drain,
    directory: &Directory,
    settings: &Settings,
    printer: &Printer,
) -> Result<spool::Drained, Failure> {
    let target = &directory.target;
    let (config, collector) = match (&drain.app_url, &target.app_url) {
        (Some(url), _) => (keyed(Config::default().app_url(url), settings), None),
        (None, Some(url)) => {
            let mut config = Config::default().app_url(url);
            if let Some(api_url) = &target.api_url {
                config = config.api_url(api_url);
            }
            // A key must not travel to an address that merely stands in a file.
            let named = [&settings.app_url, &settings.api_url];
            let is_named = named.into_iter().flatten().any(|named| same(named, url));
            let is_hosted = same(url, tidegate_client::HOSTED_APP_URL);
            match is_named || is_hosted {
                true => (keyed(config, settings), None),
                false => {
                    if settings.api_key.is_some() {
                        printer.say(format_args!(
                            "sending to {url} without the key: set BRAINTRUST_APP_URL to it to send the key"
                        ));
                    }
                    (config, None)
                }
            }
        }
        (None, None) => {
            let (url, collector) = local(drain.data_dir.path()).await?;
            (Config::default().app_url(url), collector)
        }
    };
    let config = match (&target.org_name, &drain.app_url) {
        (Some(org), None) => config.org_name(org),
        _ => config,
    };
    let client = Client::new(config)?;
    let (drained, result) = client.drain_spool(&directory.path, drain.patience).await;
    drop(client);
    if let Some(collector) = collector {
        collector.shutdown(CLOSE).await.map_err(|error| {
            Failure::failed(error.into(), "what was acknowledged is stored; run the drain again")
        })?;
    }
    result.map(|()| drained).map_err(|error| {
        let hint = match &error {
            DrainError::Unauthorized { .. } => "check BRAINTRUST_API_KEY and BRAINTRUST_APP_URL",
            DrainError::Unreachable { .. } => "start the server, or name another with --app-url",
            _ => "make the spool readable and writable",
        };
        let error = anyhow::Error::new(error).context(format!("{} keeps its rows", name(target)));
        Failure::failed(error, hint)
    })
}

fn keyed(config: Config, settings: &Settings) -> Config {
    match &settings.api_key {
        Some(key) => config.api_key(key.clone()),
        None => config,
    }
}

/// Whether two URLs name the same origin.
fn same(one: &str, other: &str) -> bool {
    let origin = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    origin(one).is_some_and(|one| origin(other) == Some(one))
}

/// The collector of the data directory: the running one, or one for the time of the drain.
async fn local(data_dir: &Path) -> Result<(String, Option<Handle>), Failure> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match start(Options::new(data_dir).listen(listen).role(Role::Embedded)).await {
        Ok(handle) => Ok((handle.url().to_owned(), Some(handle))),
        Err(StartError::Locked { holder: Some(holder), .. }) => Ok((holder.url, None)),
        Err(error) => Err(super::serve::failure(error)),
    }
}

fn name(target: &Target) -> &str {
    target.app_url.as_deref().unwrap_or("the collector of this data directory")
}

fn unreadable(error: io::Error, path: &Path) -> Failure {
    let error = anyhow::Error::new(error).context(format!("cannot read {}", path.display()));
    Failure::failed(error, "check the directory and its permissions, or --data-dir")
}
