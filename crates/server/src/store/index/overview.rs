//! Lists of projects and experiments with their sums.

use jiff::Timestamp;
use tidegate_model::{Destination, XactId};

use crate::store::{Changed, Order, Place, Portion, SortKey};

/// Sums over objects.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) cases: i64,
    pub(crate) errors: i64,
    pub(crate) rows: i64,
    /// The newest transaction.
    pub(crate) xact: i64,
}

impl Sums {
    /// ISO 8601, to the second; `None` without rows.
    pub(crate) fn last_write(&self) -> Option<String> {
        (self.xact > 0).then(|| {
            let seconds = XactId::from_u64(self.xact.cast_unsigned()).unix_seconds();
            Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
        })
    }

    /// What is told about an object that changed.
    pub(crate) fn of_changed(
        self,
        destination: &Destination,
        project_id: Option<String>,
    ) -> Changed {
        Changed {
            object_type: destination.kind(),
            object_id: destination.object_id().to_owned(),
            project_id,
            rows: self.rows.cast_unsigned(),
            cases: self.cases.cast_unsigned(),
            errors: self.errors.cast_unsigned(),
            last_write: self.last_write(),
        }
    }
}

/// What a list sorted by a sum is sorted by.
pub(crate) fn number_key(number: i64) -> SortKey {
    SortKey::Number(Some(number as f64))
}

/// Sorts, and cuts out what comes after a place.
pub(crate) fn cut<T>(
    mut items: Vec<(Place, T)>,
    order: Order,
    after: Option<&Place>,
    limit: usize,
) -> Portion<(Place, T)> {
    items.retain(|(place, _)| after.is_none_or(|after| place.compare(after, order).is_gt()));
    items.sort_by(|one, other| one.0.compare(&other.0, order));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|(place, _)| place.clone());
    Portion { items, next }
}

/// Whether a name has a part, whatever its case.
pub(crate) fn matches(name: &str, search: Option<&String>) -> bool {
    search.is_none_or(|search| name.to_lowercase().contains(&search.to_lowercase()))
}
