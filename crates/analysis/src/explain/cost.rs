//! What a request costs: a fixed part, and a part per row.

use serde::Serialize;
use tidegate_model::profile::Request;

use super::shape::succeeded;

/// Requests before a line is drawn through them.
const ENOUGH: usize = 3;

/// The line of least squares through rows and duration of all requests that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// What a request takes without its rows, in microseconds: at most what the shortest one
    /// took.
    pub fixed_us: f64,
    /// What each row adds, in microseconds; absent if all requests had about the same number of
    /// rows. All of their time counts as fixed then.
    pub per_row_us: Option<f64>,
}

impl Cost {
    /// Learns from requests; `None` from fewer than three that succeeded.
    #[must_use]
    pub fn of(requests: &[Request]) -> Option<Self> {
        let points = || {
            let good = requests.iter().filter(|request| succeeded(request));
            good.map(|request| {
                (f64::from(request.rows), (request.end_us.saturating_sub(request.start_us)) as f64)
            })
        };
        let count = points().count();
        if count < ENOUGH {
            return None;
        }
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count as f64;
        let (rows, took) = (mean(&mut points().map(|p| p.0)), mean(&mut points().map(|p| p.1)));
        let variance = mean(&mut points().map(|p| (p.0 - rows).powi(2)));
        let covariance = mean(&mut points().map(|p| (p.0 - rows) * (p.1 - took)));
        let shortest = points().map(|p| p.1).fold(f64::INFINITY, f64::min);
        // A tenth of the mean size: below that, noise in the duration decides the slope.
        if variance.sqrt() <= rows / 10.0 {
            return Some(Self { fixed_us: shortest, per_row_us: None });
        }
        let per_row = (covariance / variance).max(0.0);
        let fixed_us = (took - per_row * rows).clamp(0.0, shortest);
        Some(Self { fixed_us, per_row_us: Some(per_row) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(rows: u32, took_us: u64, status: u16) -> Request {
        let (bytes, start_us) = (u64::from(rows) * 500, 1_000);
        Request {
            number: 1,
            lane: 0,
            attempt: 0,
            rows,
            bytes,
            sent_bytes: bytes,
            queued_us: 0,
            start_us,
            first_byte_us: None,
            end_us: start_us + took_us,
            status: Some(status),
        }
    }

    #[test]
    fn the_line_is_that_of_the_server() {
        let took = |rows: u32| request(rows, 250_000 + 4_000 * u64::from(rows), 200);
        let mut requests: Vec<_> = [1, 100, 100, 40].map(took).to_vec();
        // A refusal says nothing about what rows cost.
        requests.push(request(900, 1_000, 503));
        let cost = Cost::of(&requests).expect("enough");
        assert!((cost.fixed_us - 250_000.0).abs() < 1.0, "{cost:?}");
        assert!((cost.per_row_us.expect("sizes differ") - 4_000.0).abs() < 0.1, "{cost:?}");
    }

    #[test]
    fn sizes_that_do_not_differ_say_nothing_of_rows() {
        let requests =
            [(55, 470_000), (56, 475_000), (54, 471_000)].map(|(r, t)| request(r, t, 200));
        let cost = Cost { fixed_us: 470_000.0, per_row_us: None };
        assert_eq!(Cost::of(&requests), Some(cost));
        assert_eq!(Cost::of(&requests[..2]), None);
    }

    #[test]
    fn the_fixed_part_is_never_longer_than_a_request() {
        // Larger ones happened to be faster.
        let requests =
            [(10, 400_000), (50, 300_000), (90, 200_000)].map(|(r, t)| request(r, t, 200));
        let cost = Cost::of(&requests).expect("enough");
        assert_eq!(cost, Cost { fixed_us: 200_000.0, per_row_us: Some(0.0) });
    }
}
