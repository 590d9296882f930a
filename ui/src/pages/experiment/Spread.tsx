// Scores and the usual metrics side by side: mean, interval, verdict, and how the cases are spread.

import { useMemo } from "preact/hooks";
import { isAborted } from "../../api/error";
import { histogram } from "../../api/lists";
import type { Comparison, Estimate, Experiment, Paired } from "../../api/types";
import { useLoad, useQuery } from "../../parts/hooks";
import { IntervalBar } from "../../parts/IntervalBar";
import { Verdict } from "../../parts/Verdict";
import { type Bins, bins } from "../../pure/bins";
import { conditions } from "../../pure/cases";
import { parseRange } from "../../pure/filters";
import { count, counted } from "../../pure/format";
import { differenceText, metricRange, metricText, scoreRange, scoreText } from "../../pure/metric";
import { domainOf } from "../../pure/scale";
import { Histogram } from "./Histogram";
import type { CaseRow } from "./rows";

export interface SpreadProps {
  readonly experiment: Experiment;
  readonly comparison: Comparison | null;
  /** Cases that are loaded: what is counted where the server cannot say. */
  readonly rows: readonly CaseRow[];
  /** Changes with each write. */
  readonly state: string | null;
}

type Kind = "score" | "metric";

/** Figures with a histogram; a page of hundreds would ask for as many. */
const MOST = 16;
const BUCKETS = 20;
/** Loaded cases that are counted where the server cannot say. */
const MOST_COUNTED = 10_000;
const METRICS = ["duration", "estimated_cost", "tokens"];

export function Spread({ experiment, comparison, rows, state }: SpreadProps) {
  const figures = [
    ...Object.entries(experiment.scores)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, estimate]) => ["score", name, estimate] as const),
    ...METRICS.flatMap((name) => {
      const estimate = experiment.metrics[name];
      return estimate ? [["metric", name, estimate] as const] : [];
    }),
  ];
  if (figures.length === 0) return null;
  return (
    <section class="spread" aria-label="scores and metrics">
      {figures.slice(0, MOST).map(([kind, name, estimate]) => (
        <Figure
          key={`${kind}:${name}`}
          id={experiment.id}
          kind={kind}
          name={name}
          estimate={estimate}
          paired={(kind === "score" ? comparison?.scores : comparison?.metrics)?.[name] ?? null}
          rows={rows}
          cases={experiment.cases}
          state={state}
        />
      ))}
    </section>
  );
}

interface FigureProps {
  readonly id: string;
  readonly kind: Kind;
  readonly name: string;
  readonly estimate: Estimate;
  readonly paired: Paired | null;
  readonly rows: readonly CaseRow[];
  /** Of the experiment. */
  readonly cases: number;
  readonly state: string | null;
}

function Figure({ id, kind, name, estimate, paired, rows, cases, state }: FigureProps) {
  const [query] = useQuery();
  // Its own range does not narrow what it is chosen from.
  const asked = conditions(query).filter(([id, value]) => id !== kind || parseRange(value)?.name !== name);
  const loaded = useLoad(
    async (end): Promise<Bins | "none"> => {
      try {
        const by: [string, string][] = [
          ["by", `${kind}:${name}`],
          ["buckets", String(BUCKETS)],
        ];
        return await histogram("experiment", id, [...by, ...asked], end);
      } catch (error) {
        // Bars are no reason to show an error over a table that is fine.
        if (isAborted(error)) throw error;
        return "none";
      }
    },
    [id, kind, name, JSON.stringify(asked), state],
  );
  const isLocal = loaded.value === "none";
  // Beyond that many a list that is being loaded changes nothing.
  const sample = useMemo(
    () => (isLocal ? rows.slice(0, MOST_COUNTED) : []),
    [isLocal, rows.length < MOST_COUNTED ? rows : null],
  );
  const local = useMemo(() => {
    if (!isLocal) return null;
    const values = sample.map(({ one }) => ({
      value: (kind === "score" ? one.scores : one.metrics)[name],
      failed: one.failed,
    }));
    return bins(values, BUCKETS, kind === "score");
  }, [isLocal, sample, kind, name]);
  const shown = loaded.value === null ? null : loaded.value === "none" ? local : loaded.value;

  const value = (value: number | null) => (kind === "score" ? scoreText(value) : metricText(name, value));
  const interval = estimate.interval;
  const range =
    interval &&
    (kind === "score" ? scoreRange : (from: number, to: number) => metricRange(name, from, to))(
      interval.lower,
      interval.upper,
    );
  const bounds = [estimate.mean ?? 0, interval?.lower ?? 0, interval?.upper ?? 0];
  const about = paired?.difference != null ? differenceText(kind, paired.difference, paired.base_mean) : null;
  return (
    <div class="spread-figure">
      <div class="spread-name">
        <h3 class="cut" title={name}>
          {{ duration: "Duration", estimated_cost: "Cost", tokens: "Tokens" }[name] ?? name}
        </h3>
        {paired && (
          <span class={`spread-verdict ${paired.verdict}`}>
            <Verdict word={paired.verdict} about={pairedTitle(paired, about)} />
            {about && <span class="spread-change">{about}</span>}
          </span>
        )}
      </div>
      <div
        class="spread-mean"
        title={`mean of ${counted(estimate.cases, "case")}, ${counted(estimate.trials, "trial")}${range ? `; 95 % interval ${range}` : ""}`}
      >
        <strong>{value(estimate.mean)}</strong>
        {kind === "score" && interval && (
          <IntervalBar
            value={estimate.mean}
            lower={interval.lower}
            upper={interval.upper}
            domain={domainOf(bounds)}
            width={64}
            tone={paired?.verdict}
          />
        )}
        {range && <span class="faint small cut">{range}</span>}
      </div>
      <Histogram kind={kind} name={name} bins={shown} />
      <div class="spread-note faint">
        {shown?.buckets.length === 0
          ? "no value"
          : isLocal && sample.length < cases
            ? `of the first ${count(sample.length)} loaded`
            : shown && shown.missing > 0
              ? `${count(shown.missing)} without`
              : ""}
      </div>
    </div>
  );
}

function pairedTitle(
  { matched_cases, improved_cases, regressed_cases }: Paired,
  about: string | null,
): string {
  const changed = `${count(improved_cases)} improved, ${count(regressed_cases)} regressed`;
  return `${about ? `${about}; ` : ""}of ${counted(matched_cases, "matched case")} ${changed}`;
}
