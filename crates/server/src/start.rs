//! Starting a collector: address, directory, store, keys, in this order, so that whatever fails
//! leaves nothing behind.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use crate::app::App;
use crate::arrivals::Arrivals;
use crate::blobs::{Blobs, Signer};
#[cfg(feature = "s3")]
use crate::blobs::{Bucket, BucketError};
use crate::data_dir::DirectoryLock;
use crate::error::StartError;
use crate::handle::Handle;
use crate::keys::{Keys, random_hex};
use crate::lifecycle::Lifecycle;
use crate::live::Live;
use crate::metrics::Metrics;
#[cfg(feature = "s3")]
use crate::options::BucketSettings;
use crate::options::Options;
use crate::owners::Owners;
use crate::shed::ByteGauge;
#[cfg(feature = "postgres")]
use crate::store::postgres::{self, PostgresStore};
use crate::store::sqlite::{DATABASE_FILE, OpenError, OpenFailure, SqliteStore};
use crate::store::{Org, Space, Store, StoreError, Watch};
use crate::{elsewhere, listener, live, maintenance, routes, sweeper};

/// Starts a collector on the current runtime and returns once it accepts requests.
///
/// # Errors
/// See [`StartError`]. Waits up to 10 s for a data directory that is being handed over.
///
/// # Cancel safety
/// A dropped future releases whatever it had taken.
pub async fn start(options: Options) -> Result<Handle, StartError> {
    let listener = bind(options.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: options.listen, source })?;
    // Collectors with a common database have a common directory as well.
    let lock = match options.shares() {
        true => None,
        false => Some(DirectoryLock::acquire(&options.data_dir, options.role).await?),
    };
    let metrics = Arc::new(Metrics::default());
    let space = Arc::new(Space::new(&options.data_dir));
    let watch = Watch {
        metrics: Arc::clone(&metrics),
        space: Arc::clone(&space),
        slow: options.slow_query,
    };
    let store = open_store(&options, watch).await?;
    let database = |source| database_error(&options.data_dir, source);
    let org = store.org(options.org.clone()).await.map_err(database)?;
    let (keys, first_key) =
        Keys::load(store.as_ref(), options.key_needed()).await.map_err(database)?;
    let secret = store.signing_secret().await.map_err(database)?;
    let blobs = open_blobs(&options, &org).await?;
    let live = Live::new().map_err(database)?;
    let token = random_hex::<16>().map_err(database)?;
    let url = format!("http://{}", reachable(address));
    if let Some(lock) = &lock {
        lock.publish(&url, options.role, &token)
            .map_err(|source| StartError::DataDir { path: options.data_dir.clone(), source })?;
    }

    let lifecycle = Lifecycle::default();
    let app = Arc::new(App {
        store: Arc::clone(&store),
        org,
        keys: keys.limited(options.rate_limit),
        owners: Owners::default(),
        role: options.role,
        url: url.clone(),
        token,
        max_body_bytes: options.max_body_bytes,
        max_attachment_bytes: options.max_attachment_bytes,
        blobs,
        signer: Signer::new(&secret),
        arrivals: Arrivals::new(options.latency, options.recorder),
        live,
        sweep: Notify::new(),
        inflight: ByteGauge::new(options.max_inflight_bytes),
        answers: ByteGauge::new(options.max_answer_bytes),
        decoders: Semaphore::new(thread::available_parallelism().map_or(2, NonZero::get).max(2)),
        profiles: Semaphore::new(1),
        lifecycle: lifecycle.clone(),
        metrics,
        space,
        data_dir: options.data_dir.clone(),
    });
    let readers = app.live.readers_counter();
    app.metrics.gauge("tidegate_live_readers", "Streams of changes under way.", move || {
        Some(readers() as f64)
    });
    let router = routes::router(Arc::clone(&app));
    lifecycle.spawn(maintenance::watch_space(Arc::clone(&app)));
    lifecycle.spawn(maintenance::keep_small(Arc::clone(&app), options.retention));
    lifecycle.spawn(maintenance::collect_blobs(Arc::clone(&app), options.unnamed));
    lifecycle.spawn(sweeper::run(Arc::clone(&app)));
    lifecycle.spawn(live::run(Arc::clone(&app)));
    lifecycle.spawn(elsewhere::follow(Arc::clone(&app)));
    let running = lifecycle.clone();
    lifecycle.spawn(async move {
        let noting = note_used_keys(&app);
        // Cancel safe: an interval and a write that happens whole or not at all.
        tokio::select! {
            () = listener::run(listener, router, running.clone()) => {}
            never = noting => match never {},
        }
        if let Some(arrivals) = &app.arrivals {
            arrivals.close();
        }
        store_used_keys(&app).await;
        if let Err(error) = app.blobs.close().await {
            tracing::error!(target: "server::blobs", error = ?error, "uploads or removals are under way");
        }
        // The lock goes last: whoever takes the directory finds a closed database.
        store.close(Box::new(lock)).await;
        running.set_stopped();
    });
    Ok(Handle { url, address, first_key, lifecycle })
}

/// How often the last use of keys is stored.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

async fn note_used_keys(app: &App) -> Infallible {
    loop {
        tokio::time::sleep(NOTE_INTERVAL).await;
        store_used_keys(app).await;
    }
}

/// Failing costs a minute of what lists of keys show.
async fn store_used_keys(app: &App) {
    if let Err(error) = app.keys.store_used(app.store.as_ref()).await {
        tracing::warn!(target: "server::keys", error = ?error, "last use not stored");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address },
        _ => StartError::Listen { address, source },
    })
}

/// Opens the store that the options name.
async fn open_store(options: &Options, watch: Watch) -> Result<Arc<dyn Store>, StartError> {
    #[cfg(feature = "postgres")]
    if let Some(url) = &options.database {
        return Ok(Arc::new(open_database(url, watch).await?));
    }
    Ok(Arc::new(open(&options.data_dir, watch).await?))
}

/// Connects to a database, and says what of it is not as it must be.
#[cfg(feature = "postgres")]
pub(crate) async fn open_database(url: &str, watch: Watch) -> Result<PostgresStore, StartError> {
    let path = || postgres::name(url).into();
    PostgresStore::open(url, watch).await.map_err(|error| match error {
        postgres::OpenError::Newer { found, supported } => {
            StartError::NewerSchema { path: path(), found, supported }
        }
        postgres::OpenError::Foreign => StartError::ForeignDatabase { path: path() },
        postgres::OpenError::Store(source) => StartError::Database { path: path(), source },
    })
}

/// Opens the store of a data directory whose lock is held.
pub(crate) async fn open(data_dir: &Path, watch: Watch) -> Result<SqliteStore, StartError> {
    let path = data_dir.join(DATABASE_FILE);
    let owned = data_dir.to_owned();
    let opened =
        tokio::task::spawn_blocking(move || SqliteStore::open_watched(&owned, watch)).await;
    let opened = opened.unwrap_or(Err(OpenFailure::Store(StoreError::Panicked)));
    opened.map_err(|failure| match failure {
        OpenFailure::Open(OpenError::Newer { found, supported }) => {
            StartError::NewerSchema { path, found, supported }
        }
        OpenFailure::Open(OpenError::Foreign) => StartError::ForeignDatabase { path },
        OpenFailure::Open(OpenError::Sqlite(error)) => {
            StartError::Database { path, source: error.into() }
        }
        OpenFailure::Store(source) => StartError::Database { path, source },
    })
}

async fn open_blobs(options: &Options, org: &Org) -> Result<Blobs, StartError> {
    let path = options.data_dir.clone();
    let shared = options.shares().then_some(options.unnamed.age);
    #[cfg(feature = "s3")]
    let bucket = match &options.bucket {
        Some(settings) => Some(open_bucket(settings, &org.id, options).await?),
        None => None,
    };
    #[cfg(not(feature = "s3"))]
    let _: &Org = org;
    let open = move || {
        #[cfg(feature = "s3")]
        if let Some(bucket) = bucket {
            return Blobs::in_bucket(bucket, &path);
        }
        match shared {
            Some(age) => Blobs::open_shared(&path, age),
            None => Blobs::open(&path),
        }
    };
    let opened = tokio::task::spawn_blocking(open).await.map_err(io::Error::other).flatten();
    opened.map_err(|source| StartError::DataDir { path: options.data_dir.clone(), source })
}

#[cfg(feature = "s3")]
async fn open_bucket(
    settings: &BucketSettings,
    store_id: &str,
    options: &Options,
) -> Result<Bucket, StartError> {
    let failed = |source| StartError::Bucket { url: settings.url.clone(), source };
    if !options.shares() {
        // A backup of a data directory has its files, and a check of one looks for them.
        let why = "a bucket is for collectors on a PostgreSQL database; a data directory keeps its \
                   own files";
        return Err(failed(BucketError::Url(why.into())));
    }
    let age = options.unnamed.age;
    Bucket::open(&settings.url, &settings.settings, store_id, age).await.map_err(failed)
}

fn database_error(data_dir: &Path, source: StoreError) -> StartError {
    StartError::Database { path: data_dir.join(DATABASE_FILE), source }
}

/// The address at which this machine reaches a listener, which may listen on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
