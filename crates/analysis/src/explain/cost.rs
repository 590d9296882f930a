//! What a request costs: a fixed part, and a part per row.

use serde::Serialize;
use tidegate_model::profile::Request;

use super::shape::succeeded;

/// Requests before a line is drawn through them: two always lie on one.
const ENOUGH: usize = 3;
/// Standard errors below the estimate at which the fixed part is sure to lie.
const SURE: f64 = 2.0;

/// The line of least squares through rows and duration of all requests that succeeded.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// What a request takes without its rows, in microseconds: at most what the shortest one
    /// took. All of that, if all requests had the same number of rows.
    pub fixed_us: f64,
    /// What the fixed part is at least, in microseconds: two standard errors less. Requests of
    /// one size say nothing about how their time divides; it is 0 then.
    pub fixed_us_at_least: f64,
    /// What each row adds, in microseconds; absent if all requests had the same number of rows.
    pub per_row_us: Option<f64>,
}

impl Cost {
    /// Learns from requests; `None` from fewer than three that succeeded.
    #[must_use]
    pub fn of(requests: &[Request]) -> Option<Self> {
        // What carries no rows is a step of an upload aside.
        let carries = |request: &&Request| succeeded(request) && request.rows > 0;
        let good = || requests.iter().filter(carries);
        let took = |request: &Request| request.end_us.saturating_sub(request.start_us) as f64;
        let count = good().count();
        if count < ENOUGH {
            return None;
        }
        let mean = |of: &dyn Fn(&Request) -> f64| good().map(of).sum::<f64>() / count as f64;
        let (rows, us) = (mean(&|r| f64::from(r.rows)), mean(&took));
        let variance = mean(&|r| (f64::from(r.rows) - rows).powi(2));
        let shortest = good().map(took).fold(f64::INFINITY, f64::min);
        if variance == 0.0 {
            return Some(Self { fixed_us: shortest, fixed_us_at_least: 0.0, per_row_us: None });
        }
        let covariance = mean(&|r| (f64::from(r.rows) - rows) * (took(r) - us));
        let per_row = (covariance / variance).max(0.0);
        let fixed = us - per_row * rows;
        let residue = mean(&|r| (took(r) - fixed - per_row * f64::from(r.rows)).powi(2));
        // Of the intercept, with n - 2 degrees of freedom.
        let error = (residue / (count - 2) as f64 * (1.0 + rows * rows / variance)).sqrt();
        Some(Self {
            fixed_us: fixed.clamp(0.0, shortest),
            fixed_us_at_least: (fixed - SURE * error).clamp(0.0, shortest),
            per_row_us: Some(per_row),
        })
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
        assert!((cost.fixed_us_at_least - 250_000.0).abs() < 1.0, "{cost:?}");
        assert!((cost.per_row_us.expect("sizes differ") - 4_000.0).abs() < 0.1, "{cost:?}");
    }

    #[test]
    fn sizes_that_do_not_differ_say_nothing_of_rows() {
        let same = [470_000, 475_000, 471_000].map(|took| request(55, took, 200));
        let cost = Cost { fixed_us: 470_000.0, fixed_us_at_least: 0.0, per_row_us: None };
        assert_eq!(Cost::of(&same), Some(cost));
        assert_eq!(Cost::of(&same[..2]), None);
        // Nor do sizes that differ by less than the durations scatter.
        let about = [(55, 470_000), (56, 475_000), (54, 471_000), (55, 480_000)];
        let cost = Cost::of(&about.map(|(rows, took)| request(rows, took, 200))).expect("enough");
        assert_eq!(cost.fixed_us_at_least, 0.0, "{cost:?}");
    }

    #[test]
    fn one_small_request_among_large_ones_is_enough() {
        let mut requests = vec![request(1, 254_000, 200)];
        requests.extend((0..20).map(|number| request(100, 640_000 + number * 1_000, 200)));
        let cost = Cost::of(&requests).expect("enough");
        assert!((cost.fixed_us - 250_000.0).abs() < 1_000.0, "{cost:?}");
        assert!(cost.fixed_us_at_least > 230_000.0, "{cost:?}");
    }

    #[test]
    fn the_fixed_part_is_never_longer_than_a_request() {
        // Larger ones happened to be faster.
        let requests = [(10, 400_000), (50, 300_000), (90, 200_000)];
        let cost = Cost::of(&requests.map(|(r, t)| request(r, t, 200))).expect("enough");
        assert_eq!((cost.fixed_us, cost.per_row_us), (200_000.0, Some(0.0)));
    }
}
