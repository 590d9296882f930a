//! Where copies of prompts and parameters are kept.

use super::Config;
use crate::cache::CacheOptions;

impl Config {
    /// Sets where copies of loaded prompts are kept for when the server fails; in memory alone by
    /// default. From the environment it is `~/.braintrust/prompt_cache` too, which the published
    /// JavaScript SDK shares, and `BRAINTRUST_PROMPT_CACHE_*` and `BRAINTRUST_CACHE_LOCATION` say
    /// otherwise; see [`crate::env`].
    ///
    /// Nothing is kept on the disk of a server that [`Config::locate`] finds.
    ///
    /// ```
    /// # use tidegate_client::Config;
    /// use std::path::PathBuf;
    /// use tidegate_client::CacheOptions;
    ///
    /// let cache = CacheOptions::new().directory(PathBuf::from("/var/cache/my-service"));
    /// let config = Config::default().prompt_cache(cache);
    /// ```
    #[must_use]
    pub fn prompt_cache(mut self, cache: CacheOptions) -> Self {
        self.prompt_cache = cache;
        self
    }

    /// As [`Config::prompt_cache`], of parameters: `~/.braintrust/parameters_cache`,
    /// `BRAINTRUST_PARAMETERS_CACHE_*`.
    #[must_use]
    pub fn parameters_cache(mut self, cache: CacheOptions) -> Self {
        self.parameters_cache = cache;
        self
    }
}
