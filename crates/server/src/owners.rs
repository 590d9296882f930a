//! Which project an object belongs to, remembered: checks of keys must not cost a query each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidegate_model::Destination;

use crate::store::{Store, StoreError};

/// Objects remembered; ids are at most a few hundred bytes, so this is a few megabytes.
const REMEMBERED: usize = 10_000;
/// Longer ids are looked up every time.
const LONGEST_ID_BYTES: usize = 256;

/// Projects of objects. An object never moves to another project, and its id is never used again.
#[derive(Debug, Default)]
pub(crate) struct Owners(Mutex<HashMap<Destination, String>>);

impl Owners {
    /// Returns the id of the object's project; `None` if the object is not registered.
    pub(crate) async fn project(
        &self,
        store: &dyn Store,
        destination: &Destination,
    ) -> Result<Option<String>, StoreError> {
        if let Some(project) = self.lock().get(destination) {
            return Ok(Some(project.clone()));
        }
        let found = store.project_of(destination.clone()).await?;
        if let Some(project) = &found
            && destination.object_id().len() <= LONGEST_ID_BYTES
        {
            let mut known = self.lock();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(destination.clone(), project.clone());
        }
        Ok(found)
    }

    /// Forgets everything, as some of it was deleted.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Destination, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
