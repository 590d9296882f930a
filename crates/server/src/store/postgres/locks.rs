//! Advisory locks: what they are for, and their numbers.
//!
//! A lock is held until the end of its transaction. Those of objects are taken in the order of
//! their numbers, so that nobody waits in a circle.

use deadpool_postgres::Transaction;

use super::database;
use crate::store::StoreError;

/// Over all locks of this software; `next_xacts` has its own number in the migration.
const BASE: i64 = 0x636E_0000_0000_0000;

/// What is locked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lock {
    /// Changing the schema.
    Schema,
    /// Shared: writing rows of any dataset. Alone: looking at what the last transaction was.
    DatasetWrites,
    /// Writing rows of an object by its number, in the order of transaction ids.
    Rows(i64),
    /// Indexing an object, by its number.
    Index(i64),
    /// Shared: indexing any object. Alone: throwing the index away.
    Indexes,
    /// Making the first key of a store.
    FirstKey,
    /// Deleting objects: what they leave behind in others has no order.
    Deletion,
}

impl Lock {
    pub(super) fn number(self) -> i64 {
        let (kind, object) = match self {
            Self::Schema => (1, 0),
            Self::DatasetWrites => (2, 0),
            Self::Rows(object) => (3, object),
            Self::Index(object) => (4, object),
            Self::Indexes => (6, 0),
            Self::Deletion => (5, 0),
            Self::FirstKey => (7, 0),
        };
        BASE | (kind << 40) | (object & 0xFF_FFFF_FFFF)
    }

    /// Waits for the lock, for this transaction alone.
    pub(super) async fn alone(self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let sql = "SELECT pg_advisory_xact_lock($1)";
        database::run(transaction, sql, &[&self.number()]).await?;
        Ok(())
    }

    /// Waits until nobody has the lock alone.
    pub(super) async fn shared(self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let sql = "SELECT pg_advisory_xact_lock_shared($1)";
        database::run(transaction, sql, &[&self.number()]).await?;
        Ok(())
    }

    /// As [`Lock::shared`], unless somebody has the lock alone.
    pub(super) async fn try_shared(
        self,
        transaction: &Transaction<'_>,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT pg_try_advisory_xact_lock_shared($1)";
        Ok(database::one(transaction, sql, &[&self.number()]).await?.get(0))
    }

    /// Takes the lock if nobody has it.
    pub(super) async fn try_alone(self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let sql = "SELECT pg_try_advisory_xact_lock($1)";
        Ok(database::one(transaction, sql, &[&self.number()]).await?.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_have_numbers_of_their_own() {
        let locks = [
            Lock::Schema,
            Lock::DatasetWrites,
            Lock::Deletion,
            Lock::Rows(7),
            Lock::Index(7),
            Lock::Indexes,
            Lock::Rows(8),
        ];
        let numbers: std::collections::BTreeSet<_> = locks.map(Lock::number).into();
        assert_eq!(numbers.len(), locks.len());
        assert!(numbers.iter().all(|number| *number > 0));
    }
}
