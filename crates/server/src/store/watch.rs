//! What a store tells about its work: figures, and a log of slow reads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidegate_model::Destination;

use super::Space;
use crate::metrics::Metrics;

/// Where a store counts, and what it finds slow.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) space: Arc<Space>,
    /// Reads that take longer are logged.
    pub(crate) slow: Duration,
}

impl Watch {
    /// Figures that nobody reads, for a store that is opened for a moment.
    pub(crate) fn unread(data_dir: &Path) -> Self {
        Self { metrics: Arc::default(), space: Arc::new(Space::new(data_dir)), slow: Duration::MAX }
    }

    /// Counts a read done by a function or closure of type `R`, and logs it if it was slow: what
    /// kind, about which object and how long, and nothing that a row holds.
    pub(crate) fn read<R>(&self, object: Option<&Destination>, waited: Duration, took: Duration) {
        let kind = kind(std::any::type_name::<R>());
        let is_slow = took > self.slow;
        self.metrics.read(kind, took, is_slow);
        if is_slow {
            tracing::warn!(
                target: "server::slow_query",
                kind,
                object_kind = object.map(Destination::kind),
                object_id = object.map(Destination::object_id),
                duration_ms = took.as_secs_f64() * 1e3,
                waited_ms = waited.as_secs_f64() * 1e3,
                "slow read"
            );
        }
    }
}

/// The name of the function that a type's name ends in, closures left out. Every read is named
/// without its author's help that way; only figures and logs depend on it.
fn kind(type_name: &'static str) -> &'static str {
    let is_name = |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    type_name.rsplit("::").find(is_name).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    trait Reads {
        fn rows(&self) -> &'static str;
    }

    impl Reads for Thing {
        fn rows(&self) -> &'static str {
            named(|_: u8| drop(Vec::<u8>::new()))
        }
    }

    fn named<R: FnOnce(u8)>(_: R) -> &'static str {
        kind(std::any::type_name::<R>())
    }

    fn keys(_: u8) {}

    #[test]
    fn reads_are_named_by_their_functions() {
        assert_eq!(Thing.rows(), "rows");
        assert_eq!(named(keys), "keys");
        assert_eq!(named(|_| {}), "reads_are_named_by_their_functions");
    }
}
