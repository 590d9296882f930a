// Scorers and metrics of an experiment against its bases: means, differences, verdicts.

import type { Comparison, Estimate, Paired } from "../../api/types";
import { IntervalBar } from "../../parts/IntervalBar";
import { Verdict } from "../../parts/Verdict";
import { change, count, counted, NONE, plain, points } from "../../pure/format";
import { metricOrder, metricRange, metricText, scoreRange, scoreText } from "../../pure/metric";
import { type Figure, figureText } from "../../pure/pairs";
import { closeDomain } from "../../pure/scale";
import type { Run } from "./runs";

export interface FiguresProps {
  readonly runs: readonly Run[];
  /** In the order of the bases. */
  readonly comparisons: readonly Comparison[];
  readonly chosen: Figure | null;
  /** A figure, and maybe its cases of one kind. */
  readonly onChoose: (
    figure: Figure,
    base: number,
    filter: "improved" | "regressed" | "unchanged" | null,
  ) => void;
}

export function figuresOf(runs: readonly Run[], comparisons: readonly Comparison[]): Figure[] {
  const names = (kind: "scores" | "metrics") => {
    const all = [...comparisons, ...runs].flatMap((one) => Object.keys(one[kind] ?? {}));
    return kind === "metrics" ? metricOrder(new Set(all)) : [...new Set(all)].sort();
  };
  return [
    ...names("scores").map((name): Figure => ({ kind: "score", name })),
    ...names("metrics").map((name): Figure => ({ kind: "metric", name })),
  ];
}

export function letter(index: number): string {
  return String.fromCharCode(65 + (index % 26));
}

export function Figures({ runs, comparisons, chosen, onChoose }: FiguresProps) {
  return (
    <div class="figures" role="region" aria-label="scores and metrics" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th class="stays">Score or metric</th>
            <th class="end">
              <span class="letter">A</span> mean
            </th>
            {comparisons.map(({ base }, index) => (
              <BaseHeads key={base.id} index={index + 1} />
            ))}
          </tr>
        </thead>
        <tbody>
          {figuresOf(runs, comparisons).map((figure) => (
            <tr
              key={figureText(figure)}
              aria-selected={chosen !== null && figureText(chosen) === figureText(figure)}
            >
              <th scope="row" class="stays">
                <button
                  type="button"
                  class="cut"
                  title={`${figure.name}: show it in the plot and the list`}
                  onClick={() => onChoose(figure, 1, null)}
                >
                  {figure.name}
                </button>
              </th>
              <Mean figure={figure} run={runs[0]} fallback={pairedOf(comparisons[0], figure)?.current_mean} />
              {comparisons.map((comparison, index) => (
                <BaseCells
                  key={comparison.base.id}
                  figure={figure}
                  run={runs[index + 1]}
                  hasCurrent={estimateOf(runs[0], figure) !== undefined}
                  paired={pairedOf(comparison, figure)}
                  onFilter={(filter) => onChoose(figure, index + 1, filter)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function BaseHeads({ index }: { readonly index: number }) {
  return (
    <>
      <th class="end group">
        <span class="letter">{letter(index)}</span> mean
      </th>
      <th class="end" title="A minus this base on the cases that both have, with its interval">
        vs. {letter(index)}
      </th>
      <th class="bar" aria-label="interval of the difference" />
      <th>Verdict</th>
      <th class="end" title="cases that improved, regressed, stayed">
        <span title="improved">▲</span>
      </th>
      <th class="end">
        <span title="regressed">▼</span>
      </th>
      <th class="end">
        <span title="unchanged">=</span>
      </th>
    </>
  );
}

function pairedOf(comparison: Comparison | undefined, { kind, name }: Figure): Paired | undefined {
  return (kind === "score" ? comparison?.scores : comparison?.metrics)?.[name];
}

function estimateOf(run: Run | undefined, { kind, name }: Figure): Estimate | undefined {
  return (kind === "score" ? run?.scores : run?.metrics)?.[name];
}

interface MeanProps {
  readonly figure: Figure;
  readonly run: Run | undefined;
  readonly fallback: number | null | undefined;
  readonly group?: boolean;
}

function Mean({ figure, run, fallback, group }: MeanProps) {
  const estimate = estimateOf(run, figure);
  const mean = estimate?.mean ?? fallback;
  const interval = estimate?.interval;
  const score = figure.kind === "score";
  return (
    <td
      class={group ? "end group" : "end"}
      title={estimate ? `${counted(estimate.cases, "case")}, ${counted(estimate.trials, "trial")}` : ""}
    >
      {mean == null ? (
        <span class="faint">{NONE}</span>
      ) : score ? (
        scoreText(mean)
      ) : (
        metricText(figure.name, mean)
      )}
      {interval && (
        <span class="faint">
          {" "}
          (
          {score
            ? scoreRange(interval.lower, interval.upper)
            : metricRange(figure.name, interval.lower, interval.upper)}
          )
        </span>
      )}
    </td>
  );
}

interface BaseCellsProps {
  readonly figure: Figure;
  readonly run: Run | undefined;
  readonly hasCurrent: boolean;
  readonly paired: Paired | undefined;
  readonly onFilter: (filter: "improved" | "regressed" | "unchanged") => void;
}

/** Fewer changes than these decide nothing (docs/statistics.md, "Few changes decide nothing"). */
const FEW_CHANGES = 6;

function BaseCells({ figure, run, hasCurrent, paired, onFilter }: BaseCellsProps) {
  const mean = <Mean figure={figure} run={run} fallback={paired?.base_mean} group />;
  if (!paired || paired.matched_cases === 0 || paired.difference === null) {
    // As the command line has it: what the base lacks is new.
    const word =
      estimateOf(run, figure) === undefined ? "new" : hasCurrent ? "no case in both" : "only in the base";
    return (
      <>
        {mean}
        <td class="end faint">{word}</td>
        <td class="bar" />
        <td />
        <td />
        <td />
        <td />
      </>
    );
  }
  const relative = (value: number) =>
    figure.kind === "score" ? value : paired.base_mean ? value / Math.abs(paired.base_mean) : Number.NaN;
  const [difference, lower, upper] = [paired.difference, paired.interval?.lower, paired.interval?.upper];
  const shown = [difference, lower ?? 0, upper ?? 0, 0].map(relative);
  const told = Number.isFinite(relative(difference));
  const changed = paired.improved_cases + paired.regressed_cases;
  const p = paired.p_value_adjusted ?? paired.p_value;
  const about = [
    counted(paired.matched_cases, "matched case"),
    paired.test?.replaceAll("_", " ") ?? "",
    p === null ? "" : `corrected p-value ${p < 0.0001 ? "< 0.0001" : plain(p)}`,
    paired.verdict === "undecided" && changed < FEW_CHANGES
      ? `${counted(changed, "case")} changed: a verdict needs at least ${FEW_CHANGES}, all the same way`
      : paired.verdict === "undecided"
        ? "it does not mean equal: more cases would be needed to tell"
        : "",
  ];
  return (
    <>
      {mean}
      <td class="end">
        {told
          ? change(relative(difference), figure.kind === "score" ? 2 : 1)
          : figure.kind === "metric"
            ? metricText(figure.name, difference)
            : NONE}
        {told && lower !== undefined && upper !== undefined && (
          <span class="faint"> ({points(relative(lower), relative(upper))})</span>
        )}
      </td>
      <td class="bar">
        {told && lower !== undefined && upper !== undefined && (
          <Difference shown={shown} tone={paired.verdict} less={paired.direction === "lower_is_better"} />
        )}
      </td>
      <td>
        <Verdict word={paired.verdict} about={about.filter(Boolean).join("\n")} />
      </td>
      <Cases what="improved" cases={paired.improved_cases} onFilter={onFilter} />
      <Cases what="regressed" cases={paired.regressed_cases} onFilter={onFilter} />
      <Cases what="unchanged" cases={paired.tied_cases} onFilter={onFilter} />
    </>
  );
}

/** The difference on an axis with nought in its middle. */
function Difference({
  shown: [value = 0, lower = 0, upper = 0],
  tone,
  less,
}: {
  readonly shown: readonly number[];
  readonly tone: Paired["verdict"];
  readonly less: boolean;
}) {
  const most = closeDomain([0, Math.abs(value), Math.abs(lower), Math.abs(upper)]).to;
  return (
    <span class="difference" title={`0 is in the middle; ${less ? "left" : "right"} is better`}>
      <IntervalBar
        value={value}
        lower={lower}
        upper={upper}
        domain={{ from: -most, to: most }}
        width={64}
        tone={tone}
      />
    </span>
  );
}

interface CasesProps {
  readonly what: "improved" | "regressed" | "unchanged";
  readonly cases: number;
  readonly onFilter: (filter: CasesProps["what"]) => void;
}

function Cases({ what, cases, onFilter }: CasesProps) {
  return (
    <td class="end">
      {cases === 0 ? (
        <span class="faint">0</span>
      ) : (
        <button type="button" class="link" title={`list the ${what}`} onClick={() => onFilter(what)}>
          {count(cases)}
        </button>
      )}
    </td>
  );
}
