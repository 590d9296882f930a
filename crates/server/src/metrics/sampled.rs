//! Sizes that are read when somebody asks for them.

use std::path::Path;

use super::text::Text;
use crate::store::free_bytes;
use crate::store::sqlite::DATABASE_FILE;

/// Sizes at one moment. What could not be read is absent from the text.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    /// Bytes of request bodies held, and how many may be.
    pub(crate) inflight_bytes: u64,
    pub(crate) inflight_limit_bytes: u64,
    /// How often a body did not fit.
    pub(crate) inflight_refused: u64,
    /// Whether writes are refused because the disk is full.
    pub(crate) disk_full: bool,
    pub(crate) database_bytes: Option<u64>,
    pub(crate) wal_bytes: Option<u64>,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) resident_bytes: Option<u64>,
}

impl Sampled {
    /// Reads the sizes of files and of the process. Blocks.
    pub(crate) fn read(mut self, data_dir: &Path) -> Self {
        let size = |name: &str| std::fs::metadata(data_dir.join(name)).ok().map(|file| file.len());
        self.database_bytes = size(DATABASE_FILE);
        // There is no log before the first write and after a clean end.
        self.wal_bytes = Some(size(&format!("{DATABASE_FILE}-wal")).unwrap_or(0));
        self.free_bytes = free_bytes(data_dir).ok();
        self.resident_bytes = resident_bytes();
        self
    }

    pub(super) fn text(&self, text: &mut Text) {
        for (name, help, value) in [
            (
                "tidegate_http_inflight_bytes",
                "Bytes of request bodies held, from the first byte to the commit.",
                Some(self.inflight_bytes),
            ),
            (
                "tidegate_http_inflight_limit_bytes",
                "Above this many bytes held, requests get 503.",
                Some(self.inflight_limit_bytes),
            ),
            (
                "tidegate_store_disk_full",
                "1 while writes are refused because the disk is full.",
                Some(u64::from(self.disk_full)),
            ),
            ("tidegate_store_database_bytes", "Size of the database.", self.database_bytes),
            ("tidegate_store_wal_bytes", "Size of the write-ahead log.", self.wal_bytes),
            ("tidegate_disk_free_bytes", "Space left for the data directory.", self.free_bytes),
            ("process_resident_memory_bytes", "Resident memory.", self.resident_bytes),
        ] {
            if let Some(value) = value {
                text.family(name, "gauge", help);
                text.sample(name, &[], value as f64);
            }
        }
        let name = "tidegate_build_info";
        text.family(name, "gauge", "Always 1; the version is a label.");
        text.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    }
}

/// Resident memory of this process, where the system says it (Linux).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024)
}
