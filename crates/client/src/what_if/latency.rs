//! What a request takes, fitted to those that were recorded.

use serde::Serialize;
use tidegate_model::profile::Request;

/// Requests that are looked at; of more, every second or third.
const MAX_REQUESTS: usize = 20_000;
/// Rounds in which residuals give new weights; they settle after about ten.
const ROUNDS: usize = 30;
/// Residuals beyond so many spreads count less and less (Huber), 95 % efficient for normal noise.
const HUBER: f64 = 1.345;
/// Beyond so many spreads they count nothing (Tukey's biweight), as efficient.
const TUKEY: f64 = 4.685;
/// The median of absolute residuals times this is the standard deviation of normal noise.
const NORMAL: f64 = 1.4826;
/// Clocks and schedulers spread at least so much, in microseconds and relative to the median.
const LEAST_SPREAD_US: f64 = 50.0;
const LEAST_SPREAD_RATIO: f64 = 1e-3;
/// By how much a part of the model has to improve the fit beyond its price of `ln n`: sizes of
/// requests in rows and in bytes go together, so that bytes need strong evidence.
const EVIDENCE_ROWS: f64 = 2.0;
const EVIDENCE_BYTES: f64 = 10.0;

/// What a request takes: a fixed part, and parts for what it carries. All times in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Of each request.
    pub base_us: f64,
    /// For each row; 0 if it could not be told or does not matter.
    pub per_row_us: f64,
    /// For each byte of the body; 0 unless that explains more than rows do.
    pub per_byte_us: f64,
    /// Half of the requests are within this of the model.
    pub spread_us: f64,
    /// Requests that the model was fitted to, slow ones included.
    pub fitted: usize,
    /// Of those, how many are so far off that they count nothing.
    pub outliers: usize,
    /// Requests that were left out: failed, or repeated after a failure.
    pub left_out: usize,
    /// Fewest and most rows among the fitted requests.
    pub rows: (u32, u32),
}

impl Latency {
    /// Fits a model; `None` if no request succeeded at its first try.
    pub(super) fn fit(requests: &[Request]) -> Option<Self> {
        let succeeded = |request: &&Request| {
            let fine = request.status.is_some_and(|status| status / 100 == 2);
            // What carries no rows says nothing of those that do.
            request.attempt == 0 && fine && request.rows > 0
        };
        let good: Vec<_> = requests.iter().filter(succeeded).collect();
        let left_out = requests.len() - good.len();
        let step = good.len().div_ceil(MAX_REQUESTS).max(1);
        let points: Vec<_> = good.iter().step_by(step).map(|request| Point::of(request)).collect();
        let rows = good.iter().map(|request| request.rows);
        let rows = (rows.clone().min()?, rows.max()?);
        let (beta, spread) = choose(&points, rows.0 < rows.1);
        let residuals = points.iter().map(|point| (point.took - point.under(&beta)).abs());
        let outliers = residuals.clone().filter(|residual| *residual > TUKEY * spread).count();
        Some(Self {
            base_us: beta[0],
            per_row_us: beta[1],
            per_byte_us: beta[2],
            spread_us: median(residuals.collect()),
            fitted: points.len(),
            outliers,
            left_out,
            rows,
        })
    }

    /// What a request is expected to take, in microseconds; at least one.
    #[must_use]
    pub fn of(&self, rows: usize, bytes: u64) -> u64 {
        let took = self.base_us + self.per_row_us * rows as f64 + self.per_byte_us * bytes as f64;
        (took.round() as u64).max(1)
    }

    /// Whether all requests had as many rows as each other, which leaves the time per row open.
    #[must_use]
    pub fn is_of_one_size(&self) -> bool {
        self.rows.0 == self.rows.1
    }
}

/// Coefficients of [`Point::x`].
type Beta = [f64; 3];

#[derive(Debug, Clone, Copy)]
struct Point {
    /// One, rows, bytes.
    x: [f64; 3],
    took: f64,
}

impl Point {
    fn of(request: &Request) -> Self {
        let took = request.end_us.saturating_sub(request.start_us);
        Self { x: [1.0, f64::from(request.rows), request.bytes as f64], took: took as f64 }
    }

    fn under(&self, beta: &Beta) -> f64 {
        self.x.iter().zip(beta).map(|(x, beta)| x * beta).sum()
    }
}

/// The simplest model that explains the points, and the standard deviation around it.
fn choose(points: &[Point], by_rows: bool) -> (Beta, f64) {
    // What all candidates are judged by is the noise around the richest one.
    let richest = robust(points, [true, by_rows, true], Weight::Huber);
    let scale = spread(points, &richest);
    let mut best = candidate(points, [true, false, false], scale);
    let richer = [
        ([true, true, false], EVIDENCE_ROWS),
        ([true, false, true], EVIDENCE_BYTES),
        ([true, true, true], EVIDENCE_BYTES),
    ];
    for (columns, evidence) in richer.into_iter().filter(|(columns, _)| by_rows || !columns[1]) {
        let other = candidate(points, columns, scale);
        if other.0 + evidence < best.0 {
            best = other;
        }
    }
    let (_, columns) = best;
    let beta = robust(points, columns, Weight::Tukey);
    (beta, spread(points, &beta))
}

/// Twice the negative log-likelihood under Huber's density, and `ln n` for each parameter.
fn candidate(points: &[Point], columns: [bool; 3], scale: f64) -> (f64, [bool; 3]) {
    let beta = robust(points, columns, Weight::Huber);
    let loss = |point: &Point| {
        let z = ((point.took - point.under(&beta)) / scale).abs();
        if z <= HUBER { z * z } else { HUBER * (2.0 * z - HUBER) }
    };
    let parameters = columns.iter().filter(|used| **used).count() as f64;
    let price = parameters * (points.len() as f64).ln();
    (points.iter().map(loss).sum::<f64>() + price, columns)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Has one minimum, and is pulled by what is far off.
    Huber,
    /// Starts there and ignores what is far off.
    Tukey,
}

/// Iteratively reweighted least squares without negative coefficients.
fn robust(points: &[Point], columns: [bool; 3], weight: Weight) -> Beta {
    let mut weights = vec![1.0; points.len()];
    let mut beta = least_squares(points, &weights, columns);
    let mut reweigh = |beta: &mut Beta, scale: f64, by: fn(f64) -> f64| {
        for (weight, point) in weights.iter_mut().zip(points) {
            *weight = by((point.took - point.under(beta)).abs() / scale);
        }
        *beta = least_squares(points, &weights, columns);
    };
    for _ in 0..ROUNDS {
        let scale = spread(points, &beta);
        reweigh(&mut beta, scale, |z| if z <= HUBER { 1.0 } else { HUBER / z });
    }
    if weight == Weight::Tukey {
        // The scale stays, or points that fall out one by one would pull it to nothing.
        let scale = spread(points, &beta);
        for _ in 0..ROUNDS {
            reweigh(&mut beta, scale, |z| {
                let left = 1.0 - (z / TUKEY).powi(2);
                if left > 0.0 { left * left } else { 0.0 }
            });
        }
    }
    beta
}

/// The robust standard deviation of the residuals.
fn spread(points: &[Point], beta: &Beta) -> f64 {
    let residuals = points.iter().map(|point| (point.took - point.under(beta)).abs()).collect();
    let typical = median(points.iter().map(|point| point.took).collect());
    (median(residuals) * NORMAL).max(LEAST_SPREAD_US).max(typical * LEAST_SPREAD_RATIO)
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Weighted least squares with coefficients of zero or more. The best of all solutions whose
/// support solves its normal equations is the optimum; with three columns there are seven.
fn least_squares(points: &[Point], weights: &[f64], columns: [bool; 3]) -> Beta {
    // In units of the largest value, so that bytes do not drown the rest.
    let largest = |column: usize| points.iter().map(|p| p.x[column]).fold(1.0_f64, f64::max);
    let unit = [largest(0), largest(1), largest(2)];
    let (mut gram, mut right, mut total) = ([[0.0; 3]; 3], [0.0; 3], 0.0);
    for (point, weight) in points.iter().zip(weights) {
        for i in 0..3 {
            let x = point.x[i] / unit[i];
            right[i] += weight * x * point.took;
            for j in 0..3 {
                gram[i][j] += weight * x * point.x[j] / unit[j];
            }
        }
        total += weight * point.took * point.took;
    }
    let mut best = ([0.0; 3], total);
    for support in 1..8_usize {
        let on = |column: usize| support >> column & 1 == 1;
        if (0..3).any(|column| on(column) && !columns[column]) {
            continue;
        }
        let Some(beta) = solve(&gram, &right, on) else { continue };
        if beta.iter().any(|value| *value < 0.0) {
            continue;
        }
        let explained: f64 = (0..3).map(|i| beta[i] * right[i]).sum();
        if total - explained < best.1 {
            best = (beta, total - explained);
        }
    }
    let (mut beta, _) = best;
    (0..3).for_each(|i| beta[i] /= unit[i]);
    beta
}

/// Solves the normal equations of some columns by elimination with pivots; `None` if they do not
/// determine the coefficients.
fn solve(gram: &[[f64; 3]; 3], right: &[f64; 3], on: impl Fn(usize) -> bool) -> Option<Beta> {
    let chosen: Vec<usize> = (0..3).filter(|column| on(*column)).collect();
    let n = chosen.len();
    let row = |i: &usize| {
        let mut row: Vec<f64> = chosen.iter().map(|j| gram[*i][*j]).collect();
        row.push(right[*i]);
        row
    };
    let mut rows: Vec<Vec<f64>> = chosen.iter().map(row).collect();
    for step in 0..n {
        let pivot =
            (step..n).max_by(|a, b| rows[*a][step].abs().total_cmp(&rows[*b][step].abs()))?;
        rows.swap(step, pivot);
        let scale = (0..n).map(|i| gram[chosen[i]][chosen[i]]).fold(0.0, f64::max);
        if rows[step][step].abs() <= scale * 1e-12 {
            return None;
        }
        let (done, below) = rows.split_at_mut(step + 1);
        let pivot = &done[step];
        for row in below {
            let factor = row[step] / pivot[step];
            row.iter_mut().zip(pivot).skip(step).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let mut beta = [0.0; 3];
    for step in (0..n).rev() {
        let known: f64 = (step + 1..n).map(|later| rows[step][later] * beta[chosen[later]]).sum();
        beta[chosen[step]] = (rows[step][n] - known) / rows[step][step];
    }
    Some(beta)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(rows: u32, bytes: u64, took_us: u64) -> Request {
        Request {
            number: 1,
            lane: 0,
            attempt: 0,
            rows,
            bytes,
            sent_bytes: bytes,
            queued_us: 0,
            start_us: 1_000,
            first_byte_us: None,
            end_us: 1_000 + took_us,
            status: Some(200),
        }
    }

    fn line(sizes: impl IntoIterator<Item = u32>) -> Vec<Request> {
        let took = |rows: u32| 250_000 + 4_000 * u64::from(rows);
        sizes.into_iter().map(|rows| request(rows, u64::from(rows) * 600, took(rows))).collect()
    }

    fn fitted(requests: &[Request]) -> Latency {
        Latency::fit(requests).expect("requests that succeeded")
    }

    fn assert_seed_line(latency: &Latency, tolerance: f64) {
        let (base, row) = (latency.base_us / 250_000.0, latency.per_row_us / 4_000.0);
        assert!((base - 1.0).abs() < tolerance && (row - 1.0).abs() < tolerance, "{latency:?}");
        assert_eq!(latency.per_byte_us, 0.0, "{latency:?}");
    }

    #[test]
    fn a_line_is_found_exactly_and_prefers_rows_to_bytes() {
        let latency = fitted(&line([1, 12, 14, 13, 9, 1, 14]));
        assert_seed_line(&latency, 1e-6);
        assert!(latency.spread_us < 1.0 && latency.rows == (1, 14), "{latency:?}");
        assert_eq!(latency.of(55, 33_000), 470_000);
        assert_seed_line(&fitted(&line([10, 50])), 1e-6);
    }

    #[test]
    fn a_few_slow_ones_do_not_move_it() {
        let mut requests = line((0..60).map(|n| 1 + n % 14));
        for (position, late) in [(3, 9_000_000), (17, 800_000), (31, 30_000_000), (50, 400_000)] {
            requests[position].end_us += late;
        }
        let latency = fitted(&requests);
        assert_seed_line(&latency, 1e-3);
        assert_eq!((latency.fitted, latency.outliers), (60, 4));
    }

    #[test]
    fn requests_of_one_size_are_a_fixed_cost() {
        let latency = fitted(&line([25; 20]));
        assert!(latency.is_of_one_size());
        assert_eq!((latency.base_us.round(), latency.per_row_us), (350_000.0, 0.0));
        assert_eq!(latency.of(500, 1), 350_000);
    }

    #[test]
    fn failures_and_repeats_are_left_out_and_counted() {
        let mut requests = line([5, 10, 20, 40]);
        let failed = Request { status: Some(503), ..request(3, 1, 5) };
        let unanswered = Request { status: None, ..request(3, 1, 60_000_000) };
        let repeat = Request { attempt: 1, ..request(3, 1, 7_000_000) };
        requests.extend([failed, unanswered, repeat]);
        let latency = fitted(&requests);
        assert_seed_line(&latency, 1e-6);
        assert_eq!((latency.fitted, latency.left_out), (4, 3));
        assert_eq!(Latency::fit(&[failed, unanswered, repeat]), None);
        assert_eq!(Latency::fit(&[]), None);
    }

    #[test]
    fn bytes_count_where_they_explain_what_rows_do_not() {
        let requests: Vec<_> = (0..40_u32)
            .map(|n| {
                let (rows, bytes) = (1 + n % 7, u64::from(n * n % 41) * 100_000);
                request(rows, bytes, 20_000 + bytes / 10)
            })
            .collect();
        let latency = fitted(&requests);
        assert!((latency.per_byte_us - 0.1).abs() < 1e-6, "{latency:?}");
        assert!((latency.base_us - 20_000.0).abs() < 1.0 && latency.per_row_us < 1.0);
    }

    #[test]
    fn latencies_that_fall_with_the_size_give_no_negative_part() {
        let requests: Vec<_> =
            (1..30).map(|n| request(n, 1, 500_000 - 10_000 * u64::from(n))).collect();
        let latency = fitted(&requests);
        assert!(latency.per_row_us == 0.0 && latency.base_us > 100_000.0, "{latency:?}");
    }

    proptest! {
        #[test]
        fn any_requests_give_finite_parts_of_zero_or_more(
            points in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u32>()), 1..40)
        ) {
            let requests: Vec<_> = points
                .iter()
                .map(|(rows, bytes, took)| request(*rows, *bytes, u64::from(*took)))
                .collect();
            let latency = fitted(&requests);
            for part in [latency.base_us, latency.per_row_us, latency.per_byte_us] {
                prop_assert!(part.is_finite() && part >= 0.0, "{:?}", latency);
            }
        }

        #[test]
        fn noise_moves_the_line_by_no_more_than_its_share(seed in 0_u64..1_000) {
            let mut random = crate::pipeline::backoff::Random::new(seed);
            let requests: Vec<_> = (0..50)
                .map(|n| {
                    let rows = 1 + n % 14;
                    let noise = (random.fraction() * 4_000.0) as u64;
                    request(rows, u64::from(rows) * 600, 250_000 + 4_000 * u64::from(rows) + noise)
                })
                .collect();
            let at_55 = fitted(&requests).of(55, 33_000) as f64;
            prop_assert!((at_55 / 472_000.0 - 1.0).abs() < 0.03, "{}", at_55);
        }
    }
}
