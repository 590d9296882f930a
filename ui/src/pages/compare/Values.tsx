// Scores and metrics of one input in all experiments.

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { NONE } from "../../pure/format";
import { metricOrder, metricText, scoreText } from "../../pure/metric";
import { type Figure, figureText, meanOf, type PairRow } from "../../pure/pairs";
import { Change } from "./columns";
import { letter } from "./Figures";
import type { Run } from "./runs";

export function Values({ runs, pair }: { readonly runs: readonly Run[]; readonly pair: PairRow }) {
  const figures = useMemo(() => {
    const names = (kind: "scores" | "metrics") => [
      ...new Set(pair.sides.flat().flatMap((trial) => Object.keys(trial[kind]))),
    ];
    return [
      ...names("scores")
        .sort()
        .map((name): Figure => ({ kind: "score", name })),
      ...metricOrder(names("metrics")).map((name): Figure => ({ kind: "metric", name })),
    ];
  }, [pair]);
  if (figures.length === 0) return null;
  const text = (figure: Figure, value: number | null) =>
    value === null ? NONE : figure.kind === "score" ? scoreText(value) : metricText(figure.name, value);
  return (
    <section class="figures sides-values">
      <table>
        <thead>
          <tr>
            <th class="stays">Score or metric</th>
            {runs.map((run, index) => (
              <Heads key={run.id} index={index} />
            ))}
          </tr>
        </thead>
        <tbody>
          {figures.map((figure) => (
            <tr key={figureText(figure)}>
              <th scope="row" class="stays">
                <span class="cut" title={figure.name}>
                  {figure.name}
                </span>
              </th>
              {runs.map((run, index) => (
                <ValueCells
                  key={run.id}
                  value={text(figure, meanOf(pair.sides[index], figure))}
                  change={index > 0 ? <Change row={pair} base={index} figure={figure} /> : null}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Heads({ index }: { readonly index: number }) {
  return (
    <>
      <th class="end">
        <span class="letter">{letter(index)}</span>
      </th>
      {index > 0 && <th class="end">vs. {letter(index)}</th>}
    </>
  );
}

function ValueCells({ value, change }: { readonly value: string; readonly change: JSX.Element | null }) {
  return (
    <>
      <td class="end">{value}</td>
      {change && <td class="end">{change}</td>}
    </>
  );
}
