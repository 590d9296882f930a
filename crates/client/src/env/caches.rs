//! Variables of the caches of prompts and parameters.

use std::path::PathBuf;

use super::{Source, clamp_usize};
use crate::cache::{CacheLocation, CacheOptions};

/// What the environment says of one cache; `None` means unset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheSettings {
    /// `_DIR`; in `.braintrust` of the home directory if there is one.
    pub directory: Option<PathBuf>,
    /// `_MEMORY_MAX`, in entries.
    pub memory_max: Option<usize>,
    /// `_DISK_MAX`, in entries.
    pub disk_max: Option<usize>,
}

impl CacheSettings {
    pub(crate) fn options(&self, location: Option<CacheLocation>) -> CacheOptions {
        let default = CacheOptions::default();
        CacheOptions {
            location: location.unwrap_or_default(),
            directory: self.directory.clone(),
            memory_max_entries: self.memory_max.unwrap_or(default.memory_max_entries),
            disk_max_entries: self.disk_max.unwrap_or(default.disk_max_entries),
            ..default
        }
    }
}

impl Source<'_> {
    pub(super) fn cache(&mut self, kind: &str) -> CacheSettings {
        let mut most = |of: &str| {
            let name = format!("BRAINTRUST_{kind}_CACHE_{of}_MAX");
            let number = self.positive(&name).or_else(|| self.positive(&format!("{name}_SIZE")));
            number.map(clamp_usize)
        };
        let (memory_max, disk_max) = (most("MEMORY"), most("DISK"));
        let directory = self.path(&format!("BRAINTRUST_{kind}_CACHE_DIR")).or_else(|| {
            let directory = format!("{}_cache", kind.to_ascii_lowercase());
            Some(self.home()?.join(".braintrust").join(directory))
        });
        CacheSettings { directory, memory_max, disk_max }
    }

    pub(super) fn cache_location(&mut self) -> Option<CacheLocation> {
        self.number("BRAINTRUST_CACHE_LOCATION", "mixed, memory, disk or none")
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(std::env::home_dir).filter(|home| home.is_absolute())
    }
}
