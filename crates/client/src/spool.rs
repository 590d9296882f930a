//! The spool: what could not be delivered, or must survive the process, in files.
//!
//! ```text
//! <data-dir>/spool/<hash of the server and organisation>/    mode 0700
//!     target.json               where the rows belong; no key
//!     <writer>.lock             held by the process that writes, for as long as it lives
//!     <writer>-00000001.seg     rows, each with its checksum            (segment.rs)
//!     <writer>-00000001.ack     which of them a server has confirmed    (segment.rs)
//!     rejected.jsonl            rows that a server refused for good
//! ```
//!
//! Each process appends to segments of its own (`journal.rs`), so that several never write to
//! one file. Whoever gets the lock of a writer that ended sends what it left (`replay.rs`).
//!
//! Rows name their project or experiment themselves, so the hash covers the server's address
//! and the organisation, not the project.

pub(crate) mod journal;
pub(crate) mod replay;
mod segment;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(crate) use self::journal::{Entry, Journal};
pub use self::replay::{DrainError, Drained, Status, status};

/// Where the rows of one spool directory belong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Target {
    /// App URL of the server; `None` for the collector of the data directory.
    #[serde(default)]
    pub app_url: Option<String>,
    /// API URL, if it was set.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Name of the organisation, if it was chosen.
    #[serde(default)]
    pub org_name: Option<String>,
}

const TARGET_FILE: &str = "target.json";
/// A target file is a few lines; anything larger is not one.
const MAX_TARGET_BYTES: u64 = 1 << 16;

impl Target {
    /// The directory of this target under the root of all spools.
    pub(crate) fn directory(&self, root: &Path) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [&self.app_url, &self.api_url, &self.org_name] {
            hash.update(part.as_deref().unwrap_or("").trim_end_matches('/'));
            hash.update([0]);
        }
        let name: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        root.join(name)
    }

    /// Makes the directory and says in it where its rows belong.
    fn establish(&self, directory: &Path) -> io::Result<()> {
        private_directory(directory)?;
        let file = directory.join(TARGET_FILE);
        if file.exists() {
            return Ok(());
        }
        // Under a name of its own first: a process that reads must not find half of it.
        let draft = directory.join(format!("{}.{}", TARGET_FILE, std::process::id()));
        fs::write(&draft, serde_json::to_vec(self).map_err(io::Error::other)?)?;
        fs::rename(draft, file)
    }

    fn read(directory: &Path) -> io::Result<Self> {
        let file = directory.join(TARGET_FILE);
        if fs::metadata(&file)?.len() > MAX_TARGET_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too long for a target"));
        }
        serde_json::from_slice(&fs::read(file)?).map_err(io::Error::from)
    }
}

/// One directory of the spool.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
    /// Where its rows belong.
    pub target: Target,
}

/// Lists the directories under `<data-dir>/spool`; none if there is no such directory.
///
/// # Errors
/// A directory, or what is said in it, cannot be read.
pub fn directories(root: &Path) -> io::Result<Vec<Directory>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join(TARGET_FILE).exists() {
            found.push(Directory { target: Target::read(&path)?, path });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Payloads are nobody else's business.
fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

fn private_file(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}
