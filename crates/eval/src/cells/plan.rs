//! What has to be done for a cell: the whole difference between resume, cache, only the errors and
//! only some scorers.

/// Which records count, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// Failures of this record are to be tried again.
    pub(super) retry_failed: bool,
    /// If not empty, only these scorers run, and never the task.
    pub(super) only_scorers: &'a [String],
}

/// What a record has of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// Whether the task failed.
    pub(super) failed: bool,
    /// Whether the output can be given to scorers.
    pub(super) output: bool,
    /// Of the scorers of this run, in their order.
    pub(super) scores: &'a [Scored],
}

/// What a record has of a scorer of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scored {
    /// Nothing.
    Absent,
    /// A score by another version, or against another expected output.
    Outdated,
    /// The scorer failed.
    Failed,
    Done,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Todo {
    /// Nothing: the result is in the record.
    Take,
    /// The scorers at these positions, on the recorded output.
    Score(Vec<usize>),
    /// Everything.
    Run,
    /// Nothing, and there is no result: only scorers were to run, and there is no output.
    LeaveOut,
}

pub(super) fn todo(wanted: Wanted<'_>, found: Option<Found<'_>>, scorers: &[&str]) -> Todo {
    let named = !wanted.only_scorers.is_empty();
    let Some(found) = found else {
        return if named { Todo::LeaveOut } else { Todo::Run };
    };
    match found {
        // Scorers do not run for a failed task, whichever are asked for.
        Found { failed: true, .. } if named || !wanted.retry_failed => return Todo::Take,
        Found { failed: true, .. } | Found { output: false, .. } => {
            return if named { Todo::LeaveOut } else { Todo::Run };
        }
        Found { .. } => {}
    }
    let is_missing = |position: usize| {
        if named {
            return wanted.only_scorers.iter().any(|name| name == scorers[position]);
        }
        match found.scores[position] {
            Scored::Absent | Scored::Outdated => true,
            Scored::Failed => wanted.retry_failed,
            Scored::Done => false,
        }
    };
    let missing: Vec<usize> = (0..scorers.len()).filter(|position| is_missing(*position)).collect();
    if missing.is_empty() { Todo::Take } else { Todo::Score(missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORERS: [&str; 3] = ["a", "b", "c"];
    const RESUME: Wanted<'_> = Wanted { retry_failed: false, only_scorers: &[] };
    const RETRY: Wanted<'_> = Wanted { retry_failed: true, only_scorers: &[] };

    fn found(scores: &[Scored; 3]) -> Option<Found<'_>> {
        Some(Found { failed: false, output: true, scores })
    }

    #[test]
    fn a_finished_cell_is_taken_and_a_missing_one_runs() {
        let done = [Scored::Done; 3];
        assert_eq!(todo(RESUME, None, &SCORERS), Todo::Run);
        assert_eq!(todo(RESUME, found(&done), &SCORERS), Todo::Take);
        assert_eq!(todo(RETRY, found(&done), &SCORERS), Todo::Take);
        let unreadable = Found { failed: false, output: false, scores: &done };
        assert_eq!(todo(RESUME, Some(unreadable), &SCORERS), Todo::Run);
    }

    #[test]
    fn a_failed_cell_is_a_result_unless_errors_are_to_be_tried_again() {
        let failed = Some(Found { failed: true, output: false, scores: &[Scored::Absent; 3] });
        assert_eq!(todo(RESUME, failed, &SCORERS), Todo::Take);
        assert_eq!(todo(RETRY, failed, &SCORERS), Todo::Run);
        let scores = [Scored::Failed, Scored::Done, Scored::Done];
        assert_eq!(todo(RESUME, found(&scores), &SCORERS), Todo::Take);
        assert_eq!(todo(RETRY, found(&scores), &SCORERS), Todo::Score(vec![0]));
    }

    #[test]
    fn a_changed_or_new_scorer_runs_alone() {
        let scores = [Scored::Outdated, Scored::Done, Scored::Absent];
        assert_eq!(todo(RESUME, found(&scores), &SCORERS), Todo::Score(vec![0, 2]));
    }

    #[test]
    fn named_scorers_run_whatever_is_recorded_and_the_task_never_does() {
        let names = ["b".to_owned()];
        let wanted = Wanted { retry_failed: true, only_scorers: &names };
        let scores = [Scored::Outdated, Scored::Done, Scored::Absent];
        assert_eq!(todo(wanted, found(&scores), &SCORERS), Todo::Score(vec![1]));
        assert_eq!(todo(wanted, None, &SCORERS), Todo::LeaveOut);
        let failed = Found { failed: true, output: false, scores: &scores };
        assert_eq!(todo(wanted, Some(failed), &SCORERS), Todo::Take);
        let unreadable = Found { failed: false, output: false, scores: &scores };
        assert_eq!(todo(wanted, Some(unreadable), &SCORERS), Todo::LeaveOut);
    }
}
