//! An experiment's scores, compared with its base.

use tidegate_analysis::comparison;
use tidegate_model::Destination;
use tidegate_model::wire::summary::ExperimentComparison;

use crate::store::{Experiment, ExperimentFilter, Page, Store, StoreError};

/// A comparison and what was compared.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) base: Option<Experiment>,
    pub(crate) comparison: ExperimentComparison,
}

/// Compares with the base of that id, or the one fixed at registration.
///
/// # Errors
/// [`StoreError::UnknownBase`] if a base is asked for that does not exist.
pub(crate) async fn compare(
    store: &dyn Store,
    experiment: &Experiment,
    base_id: Option<String>,
) -> Result<Compared, StoreError> {
    let base = match base_id {
        Some(id) => {
            let found = find(store, &id).await?;
            Some(found.ok_or(StoreError::UnknownBase(id))?)
        }
        None => match &experiment.base_id {
            Some(id) => find(store, id).await?,
            None => None,
        },
    };
    let current = store.case_trials(Destination::Experiment(experiment.id.clone())).await?;
    let before = match &base {
        Some(base) => Some(store.case_trials(Destination::Experiment(base.id.clone())).await?),
        None => None,
    };
    Ok(Compared { base, comparison: comparison::compare(&current, before.as_deref()) })
}

async fn find(store: &dyn Store, id: &str) -> Result<Option<Experiment>, StoreError> {
    let filter =
        ExperimentFilter { id: Some(id.to_owned()), ..ExperimentFilter::all(Page::first()) };
    Ok(store.experiments(filter).await?.pop())
}
