//! Where the answer goes: stdout, or a file that appears when it is complete.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::atomic::AtomicFile;
use crate::exit::Failure;

/// Writes with `make` to a file, or to stdout for `-`.
///
/// # Errors
/// The file cannot be written, or whoever reads stdout has gone away.
pub(crate) fn write(
    path: &Path,
    make: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        return make(&mut out).and_then(|()| out.flush()).map_err(|error| {
            Failure::failed(error.into(), "whatever reads the output must read it to its end")
        });
    }
    let mut file = AtomicFile::create(path)?;
    file.write_with(make)?;
    file.finish()
}

/// Whether the file could be written, before the work that makes it.
///
/// # Errors
/// It cannot be.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") { Ok(()) } else { AtomicFile::check(path) }
}
