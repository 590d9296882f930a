// Columns of the table of experiments.

import type { Estimate, Experiment } from "../../api/types";
import { Tags } from "../../parts/Chips";
import { IntervalBar } from "../../parts/IntervalBar";
import type { Column } from "../../parts/Table";
import { Time } from "../../parts/Time";
import { Verdict } from "../../parts/Verdict";
import { count, counted, NONE } from "../../pure/format";
import {
  differenceText,
  metricOrder,
  metricRange,
  metricText,
  scoreRange,
  scoreText,
} from "../../pure/metric";
import { closeDomain, type Domain } from "../../pure/scale";
import { overall } from "../../pure/verdict";
import { type Found, type Verdicts, verdictKey } from "./verdicts";

/** A column that may be shown or not. */
export interface Choice {
  readonly column: Column<Experiment>;
  readonly name: string;
  /** Whether it is shown unless somebody chose. */
  readonly usual: boolean;
}

/** Scorers and metrics that are shown by themselves; others are a choice away. */
const USUAL_SCORES = 4;
const USUAL_METRICS = ["duration", "estimated_cost", "tokens"];

const NAMES: Record<string, string> = { duration: "Duration", estimated_cost: "Cost", tokens: "Tokens" };

/** A look at all names at once costs nothing; the columns change only when one is new. */
export function figureNames(experiments: readonly Experiment[], kind: "scores" | "metrics"): string[] {
  const names = new Set<string>();
  for (const experiment of experiments) for (const name of Object.keys(experiment[kind])) names.add(name);
  return kind === "metrics" ? metricOrder(names) : [...names].sort();
}

export function choices(experiments: readonly Experiment[], verdicts: Verdicts): Choice[] {
  const found = (experiment: Experiment): Found => verdicts.get(verdictKey(experiment) ?? "") ?? null;
  const scores = figureNames(experiments, "scores").map((name, index) => ({
    column: scoreColumn(name, closeDomain(meansAndBounds(experiments, name)), found),
    name,
    usual: index < USUAL_SCORES,
  }));
  const metrics = figureNames(experiments, "metrics").map((name) => ({
    column: metricColumn(name, found),
    name: NAMES[name] ?? name,
    usual: USUAL_METRICS.includes(name),
  }));
  const usual = (column: Column<Experiment>, name: string, shown = true): Choice => ({
    column,
    name,
    usual: shown,
  });
  return [
    ...scores,
    usual(baseColumn(found), "vs. base"),
    usual(
      number("cases", "Cases", ({ cases }) => count(cases), 72, true),
      "Cases",
    ),
    usual(errorsColumn, "Errors"),
    ...metrics,
    usual(
      timeColumn("created", "Started", ({ created }) => created),
      "Started",
    ),
    usual(
      text("who", "Who", 128, ({ repo_info }) => repo_info?.author_name),
      "Who",
    ),
    usual(
      text("branch", "Branch", 120, ({ repo_info }) => repo_info?.branch),
      "Branch",
      false,
    ),
    usual(commitColumn, "Commit"),
    usual(tagsColumn, "Tags"),
    usual(
      number("rows", "Rows", ({ rows }) => count(rows), 88),
      "Rows",
      false,
    ),
    usual(
      timeColumn("last_write", "Last write", ({ last_write }) => last_write),
      "Last write",
      false,
    ),
    usual(
      text("description", "Description", 240, ({ description }) => description),
      "Description",
      false,
    ),
  ];
}

function* meansAndBounds(experiments: readonly Experiment[], name: string): Generator<number> {
  for (const { scores } of experiments) {
    const estimate = scores[name];
    if (estimate?.mean != null) yield estimate.mean;
    if (estimate?.interval) yield* [estimate.interval.lower, estimate.interval.upper];
  }
}

/** An interval that does not hold its mean is of other rows, and says nothing. */
function held(estimate: Estimate | undefined): { lower: number; upper: number } | null {
  if (!estimate?.interval || estimate.mean === null) return null;
  const { lower, upper } = estimate.interval;
  const slack = 1e-9 * Math.max(Math.abs(estimate.mean), 1e-9);
  return lower - slack <= estimate.mean && estimate.mean <= upper + slack ? { lower, upper } : null;
}

function scoreColumn(
  name: string,
  domain: Domain,
  found: (experiment: Experiment) => Found,
): Column<Experiment> {
  return {
    id: `score:${name}`,
    sort: `score:${name}`,
    head: name,
    hint: `${name}: mean over cases with its 95 % interval; bars go from ${scoreText(domain.from)} to ${scoreText(domain.to)}`,
    width: 188,
    title: ({ scores }) => figureTitle(scores[name], scoreText, scoreRange),
    cell: (experiment) => {
      const estimate = experiment.scores[name];
      if (estimate?.mean == null) return <span class="faint">{NONE}</span>;
      const interval = held(estimate);
      const paired = found(experiment)?.scores?.[name];
      return (
        <span class="figure">
          <span>{scoreText(estimate.mean)}</span>
          <IntervalBar value={estimate.mean} {...interval} domain={domain} tone={paired?.verdict} />
          {paired && (
            <Verdict
              word={paired.verdict}
              short
              about={paired.difference === null ? "" : differenceText("score", paired.difference, null)}
            />
          )}
        </span>
      );
    },
  };
}

function metricColumn(name: string, found: (experiment: Experiment) => Found): Column<Experiment> {
  return {
    id: `metric:${name}`,
    sort: `metric:${name}`,
    head: NAMES[name] ?? name,
    hint: `${name}: mean over cases`,
    width: 112,
    align: "end",
    title: ({ metrics }) =>
      figureTitle(
        metrics[name],
        (value) => metricText(name, value),
        (from, to) => metricRange(name, from, to),
      ),
    cell: (experiment) => {
      const mean = experiment.metrics[name]?.mean;
      if (mean == null) return <span class="faint">{NONE}</span>;
      const paired = found(experiment)?.metrics?.[name];
      const decided = paired && (paired.verdict === "better" || paired.verdict === "worse") ? paired : null;
      return (
        <>
          {decided && (
            <Verdict
              word={decided.verdict}
              short
              about={differenceText("metric", decided.difference ?? 0, decided.base_mean)}
            />
          )}{" "}
          {metricText(name, mean)}
        </>
      );
    },
  };
}

function figureTitle(
  estimate: Estimate | undefined,
  value: (value: number) => string,
  range: (lower: number, upper: number) => string,
): string {
  if (estimate?.mean == null) return "no value";
  const interval = held(estimate);
  const of = `${counted(estimate.cases, "case")}, ${counted(estimate.trials, "trial")}`;
  return `${value(estimate.mean)}${interval ? ` (${range(interval.lower, interval.upper)})` : ""}, ${of}`;
}

function baseColumn(found: (experiment: Experiment) => Found): Column<Experiment> {
  const verdictOf = (experiment: Experiment) => {
    const comparison = found(experiment);
    const scores = Object.entries(comparison?.scores ?? {});
    const word = overall(scores.map(([, paired]) => paired.verdict));
    if (!comparison || !word) return null;
    const lines = scores.map(
      ([name, { verdict, difference }]) =>
        `${name} ${verdict}${difference === null ? "" : ` ${differenceText("score", difference, null)}`}`,
    );
    return {
      word,
      about: `vs. ${comparison.base.name}, ${counted(comparison.matched_cases, "case")}\n${lines.join("\n")}`,
    };
  };
  return {
    id: "base",
    head: "vs. base",
    hint: "worse if any score surely is, else better if any surely is",
    width: 104,
    cell: (experiment) => {
      const verdict = verdictOf(experiment);
      return verdict ? (
        <Verdict {...verdict} />
      ) : (
        <span class="faint">{experiment.base_exp_id ? "" : NONE}</span>
      );
    },
  };
}

function number(
  id: string,
  head: string,
  cell: Column<Experiment>["cell"],
  width: number,
  sorts = false,
): Column<Experiment> {
  return { id, head, cell, width, align: "end", ...(sorts ? { sort: id } : {}) };
}

const errorsColumn: Column<Experiment> = {
  id: "errors",
  head: "Errors",
  hint: "cases with an error in any of their spans",
  sort: "errors",
  width: 72,
  align: "end",
  cell: ({ errors }) => <span class={errors > 0 ? "error" : "faint"}>{count(errors)}</span>,
};

const commitColumn: Column<Experiment> = {
  id: "commit",
  head: "Commit",
  width: 96,
  title: ({ commit, repo_info }) => [commit, repo_info?.commit_message].filter(Boolean).join("\n"),
  cell: ({ commit, repo_info }) =>
    commit ? (
      <span class="mono muted">
        {commit.slice(0, 7)}
        {repo_info?.dirty ? "+" : ""}
      </span>
    ) : (
      <span class="faint">{NONE}</span>
    ),
};

const tagsColumn: Column<Experiment> = {
  id: "tags",
  head: "Tags",
  width: 160,
  cell: ({ tags }) => <Tags tags={tags} />,
};

function timeColumn(id: string, head: string, at: (row: Experiment) => string | null): Column<Experiment> {
  return { id, head, sort: id, width: 128, cell: (row) => <Time at={at(row)} /> };
}

function text(
  id: string,
  head: string,
  width: number,
  of: (row: Experiment) => string | null | undefined,
): Column<Experiment> {
  return {
    id,
    head,
    width,
    title: (row) => of(row) ?? "",
    cell: (row) => <span class="muted">{of(row) || NONE}</span>,
  };
}
