//! What keeps a data directory well: work besides answering, backups and checks.

mod backup;
mod blobs;
mod collect;
mod doctor;
#[cfg(feature = "postgres")]
mod migrate_store;
mod pace;
mod retention;
mod upkeep;

pub use backup::{BackupError, BackupReport, backup};
pub(crate) use collect::{Collection, When, collect_blobs};
pub use doctor::{Check, Depth, Verdict, doctor};
#[cfg(feature = "postgres")]
pub use migrate_store::{Migration, MigrationError, MigrationReport, MigrationStep};
use pace::Pace;
pub(crate) use upkeep::{keep_small, watch_space};

#[cfg(test)]
mod tests;
