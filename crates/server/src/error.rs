//! Errors of starting and stopping a collector. What requests get is `routes::reply::ApiError`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(feature = "s3")]
use crate::blobs::BucketError;
use crate::data_dir::Holder;
use crate::store::StoreError;

/// Why a collector did not start. Nothing is left behind: no lock, no half-made database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process has the data directory and keeps it.
    #[error("data directory {} is in use{}", path.display(), describe(holder.as_ref()))]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// Who has it; absent if that process did not say in time.
        holder: Option<Holder>,
    },
    /// The data directory cannot be created or written to.
    #[error("data directory {} is not writable", path.display())]
    NotWritable {
        /// The data directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The database was made by a newer version of this software and is left as it is.
    #[error(
        "database {} has schema version {found}, newer than the supported {supported}",
        path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest schema version this build knows.
        supported: u32,
    },
    /// The database file holds something else.
    #[error("{} is not a tidegate database", path.display())]
    ForeignDatabase {
        /// The database file.
        path: PathBuf,
    },
    /// Something else listens on the address.
    #[error("address {address} is already in use")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The database failed.
    #[error("cannot open database {}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause.
        source: StoreError,
    },
    /// The bucket for uploaded files cannot be used.
    #[cfg(feature = "s3")]
    #[error("cannot use the bucket {url}")]
    Bucket {
        /// Its URL.
        url: String,
        /// The cause.
        source: BucketError,
    },
    /// The data directory failed in another way.
    #[error("cannot use data directory {}", path.display())]
    DataDir {
        /// The data directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

fn describe(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || " by another process".into(),
        |holder| format!(" by process {} at {}", holder.pid, holder.url),
    )
}

/// Why a collector did not stop cleanly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// Requests were cut off at the deadline. What was acknowledged is stored.
    #[error("requests were still running at the deadline and were cut off")]
    Deadline,
}
