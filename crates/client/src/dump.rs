//! Debug copies of payloads, as the published clients write them.
//!
//! `payload_<unix seconds>_<8 hex>.json` in the directory for all bodies (before the first try)
//! and in the one for failed bodies (after the last). The ledger does not count them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::ids;
use crate::notice::Notices;

/// Where copies go; both unset by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dumps {
    /// `BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR`
    pub(crate) all: Option<PathBuf>,
    /// `BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR`
    pub(crate) failed: Option<PathBuf>,
}

impl Dumps {
    pub(crate) fn is_off(&self) -> bool {
        self.all.is_none() && self.failed.is_none()
    }

    /// Copies a body that is about to be sent.
    pub(crate) fn sent(&self, body: &[u8]) {
        write(self.all.as_deref(), body);
    }

    /// Copies a body that was given up.
    pub(crate) fn failed(&self, body: &[u8]) {
        write(self.failed.as_deref(), body);
    }

    /// Copies rows that were never sent: wrapped, as the protocol has it, into both.
    pub(crate) fn dropped(&self, body: &[u8]) {
        let mut wrapped = b"{\"data\":".to_vec();
        wrapped.extend_from_slice(body);
        wrapped.extend_from_slice(b",\"attachments\":[]}");
        write(self.all.as_deref(), &wrapped);
        write(self.failed.as_deref(), &wrapped);
    }
}

fn write(directory: Option<&Path>, body: &[u8]) {
    let Some(directory) = directory else { return };
    let seconds = clock::wall().unix_seconds();
    let name = format!("payload_{seconds:.6}_{:08x}.json", ids::random() as u32);
    let written =
        fs::create_dir_all(directory).and_then(|()| fs::write(directory.join(name), body));
    if let Err(error) = written {
        Notices::warn(&format!("cannot write a payload copy to {}: {error}", directory.display()));
    }
}
