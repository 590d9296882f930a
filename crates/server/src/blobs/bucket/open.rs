//! Opening a bucket, and finding out whether it is the right one.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3ConfigKey;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, RetryConfig};

use super::settings::{self, failed};
use super::{Bucket, REQUEST_DEADLINE};

/// The object that says whose a prefix is.
const MARK: &str = "tidegate-store";
/// Of what stands in it. Anything longer is not ours.
const MARK_BYTES: u64 = 256;
const SCHEME: &str = "s3://";
/// Repeats of a request that failed, and the time after which there is none. Whoever asked waits.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The URL is not one of a bucket.
    #[error("{0}")]
    Url(String),
    /// Another database's files are there, which this one would take for nobody's and remove.
    #[error("another database keeps its files there (organisation {0})")]
    Taken(String),
    /// The bucket does not exist.
    #[error("the bucket does not exist")]
    Missing,
    /// A setting, by the name of its variable, cannot be used; and why.
    #[error("{0}: {1}")]
    Setting(String, &'static str),
    /// The store answered with an error, or not at all.
    #[error("{0}")]
    Failed(String),
}

/// Splits `s3://BUCKET[/PREFIX]`.
///
/// # Errors
/// What is anything else, and why.
pub(super) fn parse(url: &str) -> Result<(String, String), BucketError> {
    let bad = |why: &str| Err(BucketError::Url(format!("{why}; write s3://BUCKET/PREFIX")));
    let Some(rest) = url.strip_prefix(SCHEME) else {
        return bad("that is no URL of a bucket");
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if bucket.is_empty() || !bucket.chars().all(fits) {
        return bad("that is no name of a bucket");
    }
    if rest.contains(['?', '#']) {
        return bad("settings belong into the variables AWS_…");
    }
    Ok((bucket.to_owned(), prefix.trim_matches('/').to_owned()))
}

impl Bucket {
    /// Opens a bucket by its URL, with settings by the names of their variables (`AWS_REGION`), and
    /// marks the prefix as the store's whose id is given. See [`Bucket::of`] for `age`.
    pub(crate) async fn open(
        url: &str,
        settings: &[(String, String)],
        store_id: &str,
        age: Duration,
    ) -> Result<Self, BucketError> {
        let (bucket, prefix) = parse(url)?;
        let prefix = Path::parse(&prefix).map_err(|error| BucketError::Url(error.to_string()))?;
        // The library's client takes what the process has. Fails if there is something already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let builder = settings::builder(settings)?;
        let has_key = builder.get_config_value(&AmazonS3ConfigKey::AccessKeyId).is_some();
        let retry = RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let builder = builder.with_bucket_name(bucket).with_retry(retry);
        let store: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(failed)?);
        let bucket = Self::of(store, prefix, age);
        let marked = tokio::time::timeout(REQUEST_DEADLINE, bucket.mark(store_id)).await;
        match marked.unwrap_or_else(|late| Err(failed(late))) {
            Err(BucketError::Failed(said)) if !has_key => Err(BucketError::Failed(format!(
                "AWS_ACCESS_KEY_ID is not set, and with the role of this machine: {said}"
            ))),
            marked => marked.map(|()| bucket),
        }
    }

    /// Makes sure that the prefix is this store's.
    pub(super) async fn mark(&self, store_id: &str) -> Result<(), BucketError> {
        let place = self.prefix.clone().join(MARK);
        let found = match self.read_mark(&place).await? {
            Some(found) => found,
            None => {
                let text = format!("{store_id}\n").into_bytes();
                match self.store.put_opts(&place, text.clone().into(), PutMode::Create.into()).await
                {
                    Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                    // Then two databases must not be started at the same moment.
                    Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                        self.store.put(&place, text.into()).await.map_err(failed)?;
                    }
                    Err(error) => return Err(failed(error)),
                }
                self.read_mark(&place).await?.unwrap_or_default()
            }
        };
        if found == store_id { Ok(()) } else { Err(BucketError::Taken(found)) }
    }

    async fn read_mark(&self, place: &Path) -> Result<Option<String>, BucketError> {
        let found = match self.store.get(place).await {
            Ok(found) => found,
            Err(Error::NotFound { source, .. }) => {
                // A missing bucket is told apart by its code alone.
                let is_bucket = format!("{source:?}").contains("NoSuchBucket");
                return if is_bucket { Err(BucketError::Missing) } else { Ok(None) };
            }
            Err(error) => return Err(failed(error)),
        };
        if found.meta.size > MARK_BYTES {
            return Err(BucketError::Taken("unknown".into()));
        }
        let bytes = found.bytes().await.map_err(failed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
    }
}
