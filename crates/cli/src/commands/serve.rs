//! `tidegate serve`.

mod record;

use std::time::Duration;

use tidegate_server::{BucketError, Options, Role, StartError, start};
use tokio::signal;

use crate::args::Serve;
use crate::env;
use crate::exit::Failure;
use crate::printer::Printer;
use record::Record;

/// A backup of a data directory has its files, and `doctor` looks for them.
const NO_DATABASE: &str = "leave --blobs (TIDEGATE_BLOBS) out: a data directory keeps its own \
                           files; or name a PostgreSQL database with --database";

/// How long requests may take to finish when the process is asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(serve: &Serve, printer: &Printer) -> Result<(), Failure> {
    // Before the start, so that a signal that comes early stops it cleanly too.
    let mut stop = std::pin::pin!(stop_signal()?);
    let mut options = Options::new(serve.data_dir.path())
        .listen(serve.listen)
        .require_key(serve.require_key)
        .slow_query(serve.slow_query)
        .max_attachment_bytes(u64::from(serve.max_attachment) << 20)
        .role(Role::Serve);
    if let Some(age) = serve.retention {
        options = options.retention(age);
    }
    if let Some(org) = &serve.org {
        options = options.org(org);
    }
    if let Some(per_second) = serve.rate_limit {
        options = options.rate_limit(per_second);
    }
    if let Some(latency) = serve.simulate_latency {
        options = options.simulate_latency(latency);
        printer.say("test aid: answers to uploads are late on purpose");
    }
    if let Some(url) = serve.database.url() {
        options = options.database(url);
    }
    if let Some(url) = serve.blobs.url() {
        if serve.database.url().is_none() {
            let error = anyhow::anyhow!("--blobs needs --database");
            return Err(Failure::usage(error, NO_DATABASE));
        }
        options = options.blobs(url, env::of_buckets());
    }
    let mut record = None;
    if let Some(path) = &serve.record_requests {
        let (begun, recorder) = Record::start(path)?;
        (record, options) = (Some(begun), options.record_requests(recorder));
        printer.say(format_args!("test aid: uploads are recorded in {}", path.display()));
    }
    let collector = tokio::select! {
        collector = start(options) => collector.map_err(failure)?,
        () = &mut stop => return Ok(()),
    };

    printer.say(format_args!("listening on {}", collector.url()));
    printer.say(format_args!("data directory {}", serve.data_dir.path().display()));
    if let Some(url) = serve.blobs.url() {
        printer.say(format_args!("uploaded files in {url}"));
    }
    if let Some(key) = collector.first_key() {
        printer.say(format_args!("first key (shown only now): {key}"));
    }
    let needed = serve.require_key || !serve.listen.ip().is_loopback();
    let key = collector.first_key().unwrap_or(if needed { "your-key" } else { "any" });
    printer.say("point a client at it with");
    printer.say(format_args!(
        "  export BRAINTRUST_APP_URL={} BRAINTRUST_API_KEY={key}",
        collector.url()
    ));

    // Cancel safety: both arms only wait.
    tokio::select! {
        () = stop => {}
        () = collector.stopped() => {
            let error = anyhow::anyhow!("the collector stopped by itself");
            return Err(Failure::failed(error, "look at the log lines above"));
        }
    }
    printer.say("stopping after the requests under way");
    let stopped = collector.shutdown(STOP_GRACE).await;
    if let Some(record) = record {
        record.finish(printer);
    }
    stopped.map_err(|error| {
        Failure::failed(error.into(), "what was acknowledged is stored; clients repeat the rest")
    })
}

/// Resolves on SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without a handler there is nothing to wait for; the process is killed then.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// What to do about a bucket that cannot be used.
pub(super) fn bucket_hint(error: &BucketError) -> &'static str {
    match error {
        BucketError::Url(_) => "name it with --blobs, as in s3://my-bucket/tidegate",
        BucketError::Taken(_) => {
            "name another prefix with --blobs: what is there is untouched, and each database needs \
             one of its own"
        }
        BucketError::Missing => {
            "make the bucket, or check its name, AWS_REGION and AWS_ENDPOINT_URL"
        }
        BucketError::Setting(..) => "correct that variable, or leave it out",
        _ => {
            "check AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that \
             this key may get, put, delete and list objects there"
        }
    }
}

pub(super) fn failure(error: StartError) -> Failure {
    if let StartError::Bucket { source: source @ BucketError::Url(_), .. } = &error {
        let hint = bucket_hint(source);
        return Failure::usage(error.into(), hint);
    }
    let hint = match &error {
        StartError::Locked { holder: Some(holder), .. } => {
            format!("use the collector at {}, or another --data-dir", holder.url)
        }
        StartError::Locked { .. } => "wait for the other process, or use another --data-dir".into(),
        StartError::NotWritable { .. } | StartError::DataDir { .. } => {
            "make the directory writable, or use another --data-dir".into()
        }
        StartError::NewerSchema { .. } => {
            "upgrade tidegate, or use another --data-dir; the database is untouched".into()
        }
        StartError::ForeignDatabase { .. } => {
            "use another --data-dir, or another --database; what is there is untouched".into()
        }
        StartError::Database { path, .. } if path.to_string_lossy().starts_with("postgres:") => {
            "check the URL of --database, and that PostgreSQL 15 or later answers there".into()
        }
        StartError::Bucket { source, .. } => bucket_hint(source).into(),
        StartError::AddressInUse { .. } => {
            "stop the other program, or use --listen with another port (0 takes a free one)".into()
        }
        StartError::Listen { .. } => "use --listen with an address of this machine".into(),
        _ => "check the data directory and the disk".into(),
    };
    Failure::failed(error.into(), hint)
}
