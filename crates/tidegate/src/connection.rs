//! Where a run sends: the one place that decides.

use tidegate_client::env::Settings;
use tidegate_client::{Client, Config, Policy};

#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
use crate::error::Error;

/// A client and, if nothing else is set, the collector it sends to.
///
/// | Set in the environment or in `.env.braintrust` | Destination |
/// |---|---|
/// | nothing | the collector of the data directory (`TIDEGATE_DATA_DIR`, default `.tidegate`), with the feature `embedded`; else [`Error::NoDestination`] |
/// | `BRAINTRUST_API_KEY` only | the hosted service |
/// | `BRAINTRUST_APP_URL` or `BRAINTRUST_API_URL` | that URL, with the key if there is one |
///
/// Call [`Connection::close`] in the end; dropping it instead delivers what is pending but cuts
/// off other processes that were sending to the collector in this one, which then repeat.
#[derive(Debug)]
pub struct Connection {
    // Dropped first: it delivers what is pending to the collector below.
    client: Client,
    #[cfg(feature = "embedded")]
    collector: Option<std::sync::Arc<Embedded>>,
}

#[cfg(feature = "embedded")]
const DEFAULT_DATA_DIR: &str = ".tidegate";

impl Connection {
    /// Decides by the environment; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error`] if nothing says where to send, or the data directory cannot be served.
    pub fn open() -> Result<Self, Error> {
        Self::with(&Settings::from_env()?, Policy::Block)
    }

    /// Decides by settings that were read or made before.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn with(settings: &Settings, policy: Policy) -> Result<Self, Error> {
        Self::configured(settings, Config::from_settings(settings).policy(policy))
    }

    /// As [`Connection::with`], with a client that is configured further.
    pub(crate) fn configured(settings: &Settings, config: Config) -> Result<Self, Error> {
        if settings.destination_is_set() {
            return Self::to(config);
        }
        #[cfg(feature = "embedded")]
        {
            let default = std::path::Path::new(DEFAULT_DATA_DIR);
            let data_dir = settings.data_dir.as_deref().unwrap_or(default);
            let collector = Embedded::open(data_dir)?;
            let locate = std::sync::Arc::clone(&collector);
            let client = Client::new(config.locate(locate)).map_err(Error::Thread)?;
            Ok(Self { client, collector: Some(collector) })
        }
        #[cfg(not(feature = "embedded"))]
        Err(Error::NoDestination)
    }

    fn to(config: Config) -> Result<Self, Error> {
        let client = Client::new(config).map_err(Error::Thread)?;
        Ok(Self {
            client,
            #[cfg(feature = "embedded")]
            collector: None,
        })
    }

    /// The client; clones of it must not outlive [`Connection::close`].
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Delivers what is pending and closes the collector, if it is in this process, after the
    /// requests under way (at most 5 s).
    pub async fn close(self) {
        #[cfg(feature = "embedded")]
        {
            let Self { client, collector } = self;
            drop(client);
            if let Some(collector) = collector {
                collector.close().await;
            }
        }
    }
}
