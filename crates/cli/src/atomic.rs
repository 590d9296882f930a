//! Files that appear when they are complete.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::exit::Failure;

/// A file beside the one that it becomes; removed if it never does.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    out: BufWriter<Target>,
    path: PathBuf,
}

#[derive(Debug)]
enum Target {
    Beside(NamedTempFile),
    /// A pipe or a device, which must not be replaced by a file.
    Direct(File),
}

impl AtomicFile {
    /// Makes the file beside `path`, with the permissions of any other new file.
    ///
    /// # Errors
    /// It cannot be written there.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        // Where a link leads, so that the link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let is_special = fs::metadata(&path).is_ok_and(|found| !found.is_file());
        let target = if is_special {
            OpenOptions::new().write(true).open(&path).map(Target::Direct)
        } else {
            let mut builder = tempfile::Builder::new();
            // As any other file: the mask of the process takes away what it wants.
            builder.prefix(".tidegate-").permissions(Permissions::from_mode(0o666));
            builder.tempfile_in(directory).map(Target::Beside)
        };
        let target = cannot_write(target, &path)?;
        Ok(Self { out: BufWriter::new(target), path })
    }

    /// Whether the file could be made, without a trace if it could.
    ///
    /// # Errors
    /// It cannot be written there.
    pub(crate) fn check(path: &Path) -> Result<(), Failure> {
        // Whoever reads a pipe would take the end of the check for the end of the data.
        match fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            true => Ok(()),
            false => Self::create(path).map(drop),
        }
    }

    /// # Errors
    /// The disk is full, for example.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        cannot_write(self.out.write_all(bytes), &self.path)
    }

    /// Lets `make` write it.
    ///
    /// # Errors
    /// As [`AtomicFile::write`].
    pub(crate) fn write_with(
        &mut self,
        make: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        cannot_write(make(&mut self.out), &self.path)
    }

    /// Makes it appear, synced.
    ///
    /// # Errors
    /// As [`AtomicFile::write`].
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { out, path } = self;
        match cannot_write(out.into_inner().map_err(|error| error.into_error()), &path)? {
            Target::Direct(_) => Ok(()),
            Target::Beside(file) => {
                cannot_write(file.as_file().sync_all(), &path)?;
                cannot_write(file.persist(&path).map_err(|error| error.error), &path)?;
                Ok(())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(bytes),
            Self::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What writing needs to say where it failed.
pub(crate) fn cannot_write<T>(result: std::io::Result<T>, path: &Path) -> Result<T, Failure> {
    result.with_context(|| format!("cannot write {}", path.display())).map_err(|error| {
        Failure::failed(error, "check the directory, its permissions and the space left")
    })
}
