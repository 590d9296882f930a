//! Counts of values by size.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text::Text;

/// A histogram with fixed bounds, over whole numbers of some unit.
#[derive(Debug)]
pub(super) struct Histogram {
    /// Upper bounds, inclusive, rising.
    bounds: &'static [u64],
    /// One more than bounds: the last holds what is above all of them.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        // Relaxed: the counters order nothing else.
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Writes the samples, values multiplied by `unit`.
    pub(super) fn text(&self, text: &mut Text, name: &str, labels: &[(&str, &str)], unit: f64) {
        let bucket_name = format!("{name}_bucket");
        let mut total = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            total += bucket.load(Ordering::Relaxed);
            let bound = self.bounds.get(index).map(|bound| *bound as f64 * unit);
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound}"));
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            text.sample(&bucket_name, &labels, total as f64);
        }
        let sum = self.sum.load(Ordering::Relaxed) as f64 * unit;
        text.sample(&format!("{name}_sum"), labels, sum);
        // Of the same reading as the buckets, which must add up to it.
        text.sample(&format!("{name}_count"), labels, total as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_counts_cumulative() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 500] {
            histogram.observe(value);
        }
        let mut text = Text::default();
        histogram.text(&mut text, "h", &[], 1.0);
        assert_eq!(
            text.finish(),
            "h_bucket{le=\"1\"} 2\nh_bucket{le=\"10\"} 4\nh_bucket{le=\"+Inf\"} 6\nh_sum 524\nh_count 6\n"
        );
    }
}
