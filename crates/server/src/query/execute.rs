//! Running a plan over the rows of a snapshot.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tidegate_model::{Destination, RowId};

use super::cursor::after_row;
use super::eval::View;
use super::groups::Groups;
use super::plan::{Output, Plan, Shape};
use super::project::{Fault, render, view};
use super::sorted::Sorted;
use crate::clock;
use crate::store::{RowSource, Scan, ScanEnd, ScannedRow, StoreError};

/// What one request may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Rows looked at.
    pub(crate) rows: usize,
    pub(crate) time: Duration,
    /// Of an answer; a page always has one row.
    pub(crate) page_bytes: usize,
    /// Of what a sort or a group holds in memory.
    pub(crate) held_bytes: usize,
    pub(crate) groups: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_000_000,
            // Clients give up after 20 to 60 seconds.
            time: Duration::from_secs(10),
            page_bytes: 32 << 20,
            held_bytes: 64 << 20,
            groups: 10_000,
        }
    }
}

/// Rows of an answer, each a JSON object.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<String>,
    /// Where to go on; `None` at the end.
    pub(crate) cursor: Option<String>,
    /// Whether the object ever had rows.
    pub(crate) known: bool,
}

/// Why a plan gave no page.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "the rows have changed since that version, and only datasets keep older states of theirs; \
         leave \"version\" out"
    )]
    OldVersion,
    #[error(
        "the query looked at {rows} rows in {seconds} s without an end; narrow it by conditions \
         on root_span_id, id, is_root, created or _xact_id"
    )]
    TooMuch { rows: usize, seconds: u64 },
    #[error("the query needs more than {0} bytes in memory; sort or group by shorter values")]
    TooLarge(usize),
    #[error("the query makes more than {0} groups; add a condition, or group by something else")]
    TooManyGroups(usize),
    #[error("a cursor cannot hold the values that the rows are sorted by; sort by shorter ones")]
    CursorTooLong,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for Failure {
    fn from(Fault(error): Fault) -> Self {
        Self::Store(StoreError::Damaged(format!("a stored row is not valid JSON: {error}")))
    }
}

/// Runs a plan over one snapshot, until a deadline that the limits gave.
pub(crate) fn execute(
    plan: &Plan,
    source: &mut dyn RowSource,
    deadline: Instant,
    limits: &Limits,
) -> Result<Page, Failure> {
    let known = source.known(&plan.from)?;
    if let Some(version) = plan.as_of
        && !keeps_versions(plan)
        && source.newest_xact(&plan.from)?.is_some_and(|newest| newest > version)
    {
        return Err(Failure::OldVersion);
    }
    let mut page = match &plan.shape {
        Shape::Rows(output) => rows(plan, output, source, deadline, limits)?,
        Shape::Sorted { output, keys, fingerprint } => {
            let mut sorted = Sorted::new(keys, *fingerprint, plan, limits.held_bytes);
            over_all(plan, source, deadline, limits, |row, view| sorted.add(row, view))?;
            sorted.page(plan, output, source, limits)?
        }
        Shape::Groups(grouping) => {
            let mut groups = Groups::new(grouping, limits);
            over_all(plan, source, deadline, limits, |_, view| groups.add(view))?;
            groups.page(plan)
        }
    };
    page.known = known;
    Ok(page)
}

fn keeps_versions(plan: &Plan) -> bool {
    matches!(plan.from, Destination::Dataset(_))
}

fn scan_of(plan: &Plan, deadline: Instant) -> Scan {
    Scan {
        destination: plan.from.clone(),
        as_of: plan.as_of.filter(|_| keeps_versions(plan)),
        narrow: plan.narrow.clone(),
        after: plan.after.row().cloned(),
        deadline,
    }
}

/// Reads rows in the order of ids, until a page is full or a limit is reached; either way the
/// cursor goes on after the last row looked at.
fn rows(
    plan: &Plan,
    output: &Output,
    source: &mut dyn RowSource,
    deadline: Instant,
    limits: &Limits,
) -> Result<Page, Failure> {
    let scan = scan_of(plan, deadline);
    let mut page = Page::default();
    let (mut looked_at, mut bytes, mut skip) = (0, 0, plan.after.skip());
    let mut last: Option<RowId> = None;
    // Whether the row belongs to this page or was looked at for it.
    let mut take = |row: &ScannedRow<'_>, page: &mut Page| -> Result<bool, Fault> {
        let spent = looked_at >= limits.rows || clock::monotonic() >= scan.deadline;
        if page.rows.len() >= plan.limit || (looked_at > 0 && spent) {
            return Ok(false);
        }
        looked_at += 1;
        let Some(view) = view(plan, row)? else { return Ok(true) };
        if skip > 0 {
            skip -= 1;
            return Ok(true);
        }
        let text = render(output, row, &view)?;
        if !page.rows.is_empty() && bytes + text.len() > limits.page_bytes {
            return Ok(false);
        }
        bytes += text.len();
        page.rows.push(text);
        Ok(true)
    };
    let mut fault = None;
    let end = source.scan(&scan, &mut |row| match take(row, &mut page) {
        Ok(true) => {
            last = Some(row.id.clone());
            ControlFlow::Continue(())
        }
        Ok(false) => ControlFlow::Break(()),
        Err(error) => {
            fault = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    match (end, last) {
        (ScanEnd::Done, _) => {}
        (_, Some(id)) => page.cursor = Some(after_row(&id, skip)),
        (_, None) => return Err(too_much(0, limits)),
    }
    Ok(page)
}

/// Shows every row that passes the filter to `add`.
///
/// # Errors
/// [`Failure::TooMuch`] where a limit came before the end, since half of a sort or of a sum is
/// worth nothing.
fn over_all(
    plan: &Plan,
    source: &mut dyn RowSource,
    deadline: Instant,
    limits: &Limits,
    mut add: impl FnMut(&ScannedRow<'_>, &View) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let scan = scan_of(plan, deadline);
    let mut looked_at = 0;
    let mut take = |row: &ScannedRow<'_>| -> Result<(), Failure> {
        if looked_at >= limits.rows || clock::monotonic() >= scan.deadline {
            return Err(too_much(looked_at, limits));
        }
        looked_at += 1;
        match view(plan, row)? {
            Some(view) => add(row, &view),
            None => Ok(()),
        }
    };
    let mut failure = None;
    let end = source.scan(&scan, &mut |row| match take(row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    match (failure, end) {
        (Some(failure), _) => Err(failure),
        (None, ScanEnd::Deadline) => Err(too_much(looked_at, limits)),
        (None, ScanEnd::Done | ScanEnd::Stopped) => Ok(()),
    }
}

fn too_much(rows: usize, limits: &Limits) -> Failure {
    Failure::TooMuch { rows, seconds: limits.time.as_secs() }
}

#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
