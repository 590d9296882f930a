//! What records there are: of the run itself, and of earlier ones.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::CellsError;
use super::file::{self, Entry, Reader};
use super::hash::Key;
use super::manifest::Manifest;
use super::store::{self, Part};

/// Records of files, by key.
#[derive(Default)]
pub(super) struct Known {
    pub(super) files: Vec<Reader>,
    pub(super) cells: HashMap<Key, (usize, Entry)>,
    pub(super) warnings: Vec<String>,
}

impl Known {
    /// Adds the records of a file; later ones win over earlier ones.
    pub(super) fn add(&mut self, path: &Path) -> Result<file::Scan, CellsError> {
        let mut scan = file::scan(path)?;
        if !scan.entries.is_empty() {
            self.files.push(Reader::open(path)?);
            let number = self.files.len() - 1;
            for entry in std::mem::take(&mut scan.entries) {
                self.cells.insert(entry.key, (number, entry));
            }
        }
        Ok(scan)
    }

    /// Adds what other runs of the project have finished with success, under the same version of
    /// the task. Newer runs win. One that cannot be read is said and left alone.
    pub(super) fn add_earlier(
        &mut self,
        dir: &Path,
        own: &Part,
        now: &Manifest,
    ) -> Result<(), CellsError> {
        let mut earlier = BTreeMap::new();
        for part in store::parts(dir)? {
            if part == own.directory {
                continue;
            }
            match Manifest::read(&part) {
                Ok(Some(manifest))
                    if manifest.project == now.project
                        && manifest.task_version == now.task_version =>
                {
                    earlier.insert((manifest.created, part.clone()), part);
                }
                Ok(_) => {}
                Err(error) => self.warnings.push(error.to_string()),
            }
        }
        for part in earlier.into_values() {
            let mut known = Self::default();
            match known.add(&part.join(store::RECORDS)) {
                Ok(_) => {
                    let from = self.files.len();
                    self.files.extend(known.files);
                    let good = known.cells.into_iter().filter(|(_, (_, entry))| !entry.failed);
                    self.cells.extend(good.map(|(key, (file, entry))| (key, (from + file, entry))));
                }
                Err(error) => self.warnings.push(error.to_string()),
            }
        }
        Ok(())
    }
}
