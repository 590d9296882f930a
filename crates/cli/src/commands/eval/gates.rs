//! From gates and verdicts to an exit code.

use serde_json::Value;
use tidegate_eval::statistics::GateOutcome;
use tidegate_eval::{Eval, Outcome};

use super::file::Gate;
use crate::args::eval::Undecided;
use crate::exit::{FAILED, GATE_FAILED, GATE_UNDECIDED, INTERRUPTED};

/// Sets the gates of a file.
pub(crate) fn add(eval: Eval<Value, Value, Value>, gates: &[Gate]) -> Eval<Value, Value, Value> {
    gates.iter().fold(eval, |eval, gate| eval.condition(&gate.name, gate.condition))
}

/// Why a run counts as failed though it came to its end, if it does.
pub(crate) fn failure(outcome: &Outcome<Value, Value, Value>) -> Option<&'static str> {
    let summary = &outcome.summary;
    match () {
        // Of few cases a shard may get none.
        () if summary.trials == 0 && is_shard(outcome) => None,
        () if summary.stopped => None,
        () if summary.timed_out => Some("the time-out ended the run before the data did"),
        () if summary.too_many_errors => Some("too many trials failed: run.max_errors is reached"),
        () if summary.trials == 0 => Some("no trial ran"),
        () if summary.task_errors == summary.trials => Some("every trial failed"),
        () => None,
    }
}

pub(super) fn is_shard(outcome: &Outcome<Value, Value, Value>) -> bool {
    outcome.summary.cells.as_ref().is_some_and(|cells| cells.shard.count > 1)
}

/// The code of one finished run. Gates are about whole runs, so a shard has none to pass.
pub(crate) fn code(outcome: &Outcome<Value, Value, Value>, undecided: Option<Undecided>) -> u8 {
    if outcome.summary.stopped {
        return INTERRUPTED;
    }
    if failure(outcome).is_some() {
        return FAILED;
    }
    if is_shard(outcome) {
        return 0;
    }
    match (outcome.verdict(), undecided) {
        (GateOutcome::Pass, _) | (GateOutcome::Undecided, Some(Undecided::Pass)) => 0,
        (GateOutcome::Fail, _) | (GateOutcome::Undecided, Some(Undecided::Fail)) => GATE_FAILED,
        (GateOutcome::Undecided, None) => GATE_UNDECIDED,
    }
}

/// The code of several runs: that of the one which needs attention most.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 5] = [0, GATE_UNDECIDED, GATE_FAILED, FAILED, INTERRUPTED];
    let rank = |code: &u8| ORDER.iter().position(|known| known == code).unwrap_or(3);
    codes.into_iter().max_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_code_wins() {
        assert_eq!(worst([]), 0);
        assert_eq!(worst([0, 4, 1]), 1);
        assert_eq!(worst([1, 2]), 2);
        assert_eq!(worst([3, 130, 0]), 130);
        assert_eq!(worst([4, 0]), 4);
    }
}
