//! How many cases a difference needs, and what the cases there are can show.

use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use tidegate_analysis::statistics::{Basis, Plan, Target, minimum_detectable_effect};

use super::table;
use crate::outcome::Summary;

/// What a plan is asked for, beside level and power.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Question {
    /// A difference of scores: how many cases does it need? Metrics have units of their own, so that
    /// one difference for all of them would mean nothing.
    pub effect: Option<f64>,
    /// A number of cases: what is the least difference that they show? Those of the run if `None`.
    pub cases: Option<u64>,
}

/// The answer for one score or metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanLine {
    /// The score or metric.
    pub name: String,
    /// What the spread is of: the differences from the base if there is one, else of one run alone.
    pub basis: Basis,
    /// The standard deviation between cases, in the unit of the score or metric.
    pub sd: f64,
    /// The number of cases that `minimum_detectable_effect` is of.
    pub cases: u64,
    /// The least difference between two runs that so many cases show with the power aimed at;
    /// `None` for fewer than two cases.
    pub minimum_detectable_effect: Option<f64>,
    /// The difference that was asked about; `None` for metrics.
    pub effect: Option<f64>,
    /// The number of cases that it needs; `None` beyond a billion.
    pub cases_needed: Option<u64>,
}

/// Plans the next comparison from a run: from its differences from the base where there is one, which
/// is what counts, else from its own spread, which is a safe guess. A score or metric that is the same
/// on all cases has no spread to plan from and is left out.
#[must_use]
pub fn plan(summary: &Summary, target: Target, question: Question) -> Vec<PlanLine> {
    let scores = summary.estimates.iter();
    let scores = scores.map(|one| (one, &summary.comparisons, question.effect));
    let metrics = summary.metric_estimates.iter();
    let metrics = metrics.map(|one| (one, &summary.metric_comparisons, None));
    let lines = scores.chain(metrics).filter_map(|((name, estimate), comparisons, effect)| {
        let plan = match comparisons.get(name).filter(|paired| paired.matched_cases > 0) {
            Some(paired) => Plan::of_comparison(paired, target)?,
            None => Plan::of_first_run(estimate, target)?,
        };
        let cases = question.cases.unwrap_or(plan.cases);
        Some(PlanLine {
            name: name.clone(),
            basis: plan.basis,
            sd: plan.sd,
            cases,
            minimum_detectable_effect: minimum_detectable_effect(plan.sd, cases, target),
            effect,
            cases_needed: effect.and_then(|effect| plan.cases_for(effect)),
        })
    });
    lines.collect()
}

/// The scores and metrics of a run that [`plan`] leaves out, since nothing about them differs.
#[must_use]
pub fn unplanned<'a>(summary: &'a Summary, lines: &[PlanLine]) -> Vec<&'a str> {
    let names = summary.estimates.keys().chain(summary.metric_estimates.keys());
    let is_planned = |name: &&String| lines.iter().any(|line| line.name == **name);
    names.filter(|name| !is_planned(name)).map(String::as_str).collect()
}

/// Lays out a plan.
#[must_use]
pub fn plan_table(lines: &[PlanLine], target: Target) -> String {
    if lines.is_empty() {
        return "no plan: nothing differs between cases, so there is no spread to plan from\n"
            .into();
    }
    let power = format!("{:.0} %", 100.0 * target.power_ratio());
    let mut table = Table::new();
    table.load_style(table::LINES);
    let mut header =
        vec!["".to_owned(), "sd".into(), "cases".into(), "shows a\ndifference of".into()];
    let asked = lines.iter().find_map(|line| line.effect);
    header.extend(asked.map(|effect| format!("cases for\n{}", number(effect))));
    table.set_header(header);
    for line in lines {
        let shown = line.minimum_detectable_effect.map_or_else(|| "-".into(), number);
        let mut row = vec![line.name.clone(), number(line.sd), line.cases.to_string(), shown];
        if asked.is_some() {
            row.push(line.cases_needed.map_or_else(|| "-".into(), |cases| cases.to_string()));
        }
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let alignment = if index == 0 { CellAlignment::Left } else { CellAlignment::Right };
        column.set_cell_alignment(alignment);
        column.set_padding((1, 0));
    }
    let mut text = format!("{}\n", table.trim_fmt());
    text.push_str(&format!(
        "A true difference between two runs is found with {power} probability.\n"
    ));
    if lines.iter().any(|line| line.basis == Basis::UnpairedScore) {
        text.push_str(
            "Without a base this is a safe guess: pairs of runs often need fewer cases.\n",
        );
    }
    text
}

/// Three digits that count.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0);
    let text = format!("{value:.*}", decimals as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use tidegate_analysis::statistics::Level;

    use super::*;
    use crate::report::table::test_summary;

    #[test]
    fn a_plan_says_what_the_cases_show_and_how_many_an_effect_needs() {
        let target = Target::default();
        let question = Question { effect: Some(0.05), cases: None };
        let mut lines = plan(&test_summary(), target, question);
        // `fresh` has no base and one value only; durations differ by a hair.
        lines.retain(|line| line.name == "exact");
        // 40 of 200 cases rose by 1: variance 0.2 · 0.8 · 200 / 199.
        assert!((lines[0].sd - 0.401_004).abs() < 1e-6, "{lines:?}");
        assert_eq!((lines[0].basis, lines[0].cases), (Basis::Differences, 200));
        assert_eq!(lines[0].cases_needed, Some(507), "{lines:?}");
        let text = plan_table(&lines, target);
        let expected = "\
──────────────────────────────────────────────
           sd  cases        shows a  cases for
                      difference of       0.05
──────────────────────────────────────────────
 exact  0.401    200         0.0798        507
──────────────────────────────────────────────
A true difference between two runs is found with 80 % probability.
";
        assert_eq!(text, expected);
    }

    #[test]
    fn without_a_base_the_spread_of_one_run_has_to_do() {
        let mut summary = test_summary();
        (summary.comparisons, summary.metric_comparisons) = Default::default();
        let target = Target::new(Level::default(), 0.9).expect("a power");
        let lines = plan(&summary, target, Question { effect: None, cases: Some(1_000) });
        let exact = lines.iter().find(|line| line.name == "exact").expect("planned");
        assert_eq!(
            (exact.basis, exact.cases, exact.cases_needed),
            (Basis::UnpairedScore, 1_000, None)
        );
        let text = plan_table(&lines, target);
        assert!(text.contains("90 % probability") && text.contains("safe guess"), "{text}");
        assert!(plan_table(&[], target).contains("nothing differs"));
    }

    #[test]
    fn numbers_have_three_digits() {
        let written = [0.0798, 0.5, 1234.6, 12.0, 1e-4, 0.0].map(number);
        assert_eq!(written, ["0.0798", "0.5", "1235", "12", "0.0001", "0"]);
    }
}
