//! Others who get in the way: what to try again, and how often.

use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// How often something is tried that others make and remove at the same time.
pub(super) const TRIES: usize = 16;

/// Whether a statement was refused because of a value that must be unique and is there already.
pub(super) fn is_taken(error: &StoreError) -> bool {
    let StoreError::Engine(source) = error else { return false };
    let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
    code == Some(&SqlState::UNIQUE_VIOLATION)
}
