//! Where copies are kept, and how many.

use std::path::PathBuf;
use std::str::FromStr;

/// Which caches hold copies of what was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheLocation {
    /// Memory, and the disk below it.
    #[default]
    Mixed,
    /// Memory alone.
    Memory,
    /// The disk alone.
    Disk,
    /// Nowhere: a load fails if the server does.
    None,
}

impl FromStr for CacheLocation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "mixed" => Ok(Self::Mixed),
            "memory" => Ok(Self::Memory),
            "disk" => Ok(Self::Disk),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

/// Settings of a cache of prompts or parameters; see [`Config::prompt_cache`].
///
/// [`Config::prompt_cache`]: crate::Config::prompt_cache
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct CacheOptions {
    pub(crate) location: CacheLocation,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) memory_max_entries: usize,
    pub(crate) memory_max_bytes: usize,
    pub(crate) disk_max_entries: usize,
    pub(crate) disk_max_bytes: u64,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            location: CacheLocation::default(),
            directory: None,
            memory_max_entries: 1 << 10,
            memory_max_bytes: 64 << 20,
            disk_max_entries: 1 << 20,
            disk_max_bytes: 1 << 30,
        }
    }
}

impl CacheOptions {
    /// The defaults, which have no directory and so nothing on the disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which caches there are; [`CacheLocation::Mixed`] by default.
    pub fn location(mut self, location: CacheLocation) -> Self {
        self.location = location;
        self
    }

    /// Sets the directory, which is made when something is first written to it; `None`, the
    /// default, means that the disk holds nothing.
    ///
    /// Other programs may use it at the same time, those with the published JavaScript SDK
    /// included. Files that are not of the cache are left alone.
    pub fn directory(mut self, directory: impl Into<Option<PathBuf>>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Sets how many copies memory holds; 1024 by default, at least one. The least recently used
    /// go first.
    pub fn memory_max_entries(mut self, entries: usize) -> Self {
        self.memory_max_entries = entries.max(1);
        self
    }

    /// Sets how many bytes of JSON memory holds; 64 MiB by default.
    pub fn memory_max_bytes(mut self, bytes: usize) -> Self {
        self.memory_max_bytes = bytes;
        self
    }

    /// Sets how many files the directory holds; 1,048,576 by default, at least one. The least
    /// recently used go first.
    pub fn disk_max_entries(mut self, entries: usize) -> Self {
        self.disk_max_entries = entries.max(1);
        self
    }

    /// Sets how many bytes the files of the directory have; 1 GiB by default.
    pub fn disk_max_bytes(mut self, bytes: u64) -> Self {
        self.disk_max_bytes = bytes;
        self
    }
}
