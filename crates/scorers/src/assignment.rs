//! The best one-to-one assignment of rows to columns.

/// Returns the greatest sum of weights over assignments that use each row and each column at most
/// once and leave no row or column out that could be used.
///
/// The Hungarian algorithm with potentials, O(n²m) for n ≤ m: rows are added one by one, each along
/// the cheapest augmenting path. Own code because the crates that have it bring integer-only
/// weights or a graph library.
pub(crate) fn best_sum(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> f64) -> f64 {
    if rows <= columns {
        assign(rows, columns, weight)
    } else {
        assign(columns, rows, |row, column| weight(column, row))
    }
}

/// There must be a column for every row.
fn assign(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> f64) -> f64 {
    // A lower cost is a higher weight. Index 0 of columns and rows means "none".
    let cost = |row: usize, column: usize| -weight(row - 1, column - 1);
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; columns + 1];
    let mut row_of = vec![0; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut came_from = vec![0; columns + 1];
        let mut visited = vec![false; columns + 1];
        let mut column = 0;
        while row_of[column] != 0 {
            visited[column] = true;
            let here = row_of[column];
            let (mut delta, mut next) = (f64::INFINITY, 0);
            for other in (1..=columns).filter(|other| !visited[*other]) {
                let reduced = cost(here, other) - row_potential[here] - column_potential[other];
                if reduced < least[other] {
                    (least[other], came_from[other]) = (reduced, column);
                }
                if least[other] < delta {
                    (delta, next) = (least[other], other);
                }
            }
            for other in 0..=columns {
                if visited[other] {
                    row_potential[row_of[other]] += delta;
                    column_potential[other] -= delta;
                } else {
                    least[other] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[came_from[column]];
            column = came_from[column];
        }
    }
    // Summed from the weights, not from the potentials: those carry the rounding of every step.
    (1..=columns)
        .filter(|column| row_of[*column] != 0)
        .map(|column| weight(row_of[column] - 1, column - 1))
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries everything.
    fn by_force(weights: &[Vec<f64>], row: usize, free: &mut Vec<usize>) -> f64 {
        if row == weights.len() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for at in 0..free.len() {
            let column = free.remove(at);
            best = best.max(weights[row][column] + by_force(weights, row + 1, free));
            free.insert(at, column);
        }
        best
    }

    fn table() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1..=5usize, 0..=2usize).prop_flat_map(|(rows, extra)| {
            // Few distinct weights, so that ties are common.
            let weight = prop_oneof![(0..=4u8).prop_map(|n| f64::from(n) / 4.0), -1.0..=1.0f64];
            prop::collection::vec(prop::collection::vec(weight, rows + extra), rows)
        })
    }

    proptest! {
        #[test]
        fn nothing_is_better(weights in table()) {
            let (rows, columns) = (weights.len(), weights[0].len());
            let found = best_sum(rows, columns, |row, column| weights[row][column]);
            let best = by_force(&weights, 0, &mut (0..columns).collect());
            prop_assert!((found - best).abs() < 1e-12, "{} {}", found, best);
            let transposed = best_sum(columns, rows, |row, column| weights[column][row]);
            prop_assert!((transposed - best).abs() < 1e-12, "{} {}", transposed, best);
        }
    }

    #[test]
    fn a_greedy_choice_is_not_enough() {
        // The best pair alone (0.9) would leave 0.1.
        let weights = [[0.9, 0.8], [0.8, 0.1]];
        assert_eq!(best_sum(2, 2, |row, column| weights[row][column]), 1.6);
        assert_eq!(best_sum(0, 3, |_, _| 1.0), 0.0);
    }
}
