// Columns of the list of pairs.

import type { Column } from "../../parts/Table";
import { NONE } from "../../pure/format";
import { differenceText, metricText, scoreText } from "../../pure/metric";
import {
  differenceOf,
  type Figure,
  figureText,
  gain,
  meanOf,
  type PairRow,
  representative,
} from "../../pure/pairs";
import { oneLine } from "../../pure/tree";
import { letter } from "./Figures";
import type { Run } from "./runs";

export interface ColumnsOf {
  readonly runs: readonly Run[];
  readonly base: number;
  readonly chosen: Figure | null;
  readonly scores: readonly Figure[];
}

/** Scores that are shown while none is chosen. */
const MOST_SCORES = 3;

export function columnsOf({ runs, base, chosen, scores }: ColumnsOf): Column<PairRow>[] {
  const figures = chosen ? [chosen] : scores.slice(0, MOST_SCORES);
  const others = runs.map((_, index) => index);
  // The base that is looked at comes beside the current one; others only where there is room.
  const shown =
    chosen || figures.length < 2 ? others : others.filter((index) => index === 0 || index === base);
  return [
    {
      id: "input",
      head: "Input",
      width: 260,
      grow: 3,
      title: (row) => representative(row)?.input ?? "",
      cell: (row) => <span class="case-input">{oneLine(representative(row)?.input ?? NONE, 200)}</span>,
    },
    ...figures.flatMap((figure) =>
      shown.flatMap((index): Column<PairRow>[] => [
        valueColumn(figure, index, figures.length > 1 || index === 0),
        ...(index > 0 ? [differenceColumn(figure, index)] : []),
      ]),
    ),
    ...others.map((index) => outputColumn(index)),
  ];
}

function valueColumn(figure: Figure, index: number, named: boolean): Column<PairRow> {
  return {
    id: `${figureText(figure)} ${index}`,
    head: (
      <>
        {named ? `${figure.name} ` : ""}
        <span class="letter">{letter(index)}</span>
      </>
    ),
    hint: `${figure.name} in ${letter(index)}: mean over the trials of the case`,
    width: named ? 132 : 92,
    align: "end",
    cell: ({ sides }) => {
      const value = meanOf(sides[index], figure);
      if (value === null) return <span class="faint">{NONE}</span>;
      return figure.kind === "score" ? scoreText(value) : metricText(figure.name, value);
    },
  };
}

function differenceColumn(figure: Figure, index: number): Column<PairRow> {
  return {
    id: `${figureText(figure)} difference ${index}`,
    head: `vs. ${letter(index)}`,
    hint: `${figure.name}: A minus ${letter(index)}`,
    width: 112,
    align: "end",
    cell: (row) => <Change row={row} base={index} figure={figure} />,
  };
}

/** A difference as sign, figure and colour. */
export function Change({
  row,
  base,
  figure,
}: {
  readonly row: PairRow;
  readonly base: number;
  readonly figure: Figure;
}) {
  const difference = differenceOf(row, base, figure);
  if (difference === null) return <span class="faint">{NONE}</span>;
  const won = gain(difference, figure);
  const text = differenceText(figure.kind, difference, meanOf(row.sides[base], figure));
  if (won === 0) return <span class="faint">= {text}</span>;
  return (
    <span class={won > 0 ? "case-change better" : "case-change worse"}>
      {text} <span aria-hidden="true">{won > 0 ? "▲" : "▼"}</span>
    </span>
  );
}

function outputColumn(index: number): Column<PairRow> {
  const trial = ({ sides }: PairRow) => sides[index]?.[0];
  return {
    id: `output ${index}`,
    head: (
      <>
        Output <span class="letter">{letter(index)}</span>
      </>
    ),
    width: 150,
    grow: 2,
    title: (row) => trial(row)?.error ?? trial(row)?.output ?? "",
    cell: (row) => {
      const one = trial(row);
      if (!one) return <span class="faint">not in {letter(index)}</span>;
      if (one.error) return <span class="error">{oneLine(one.error, 120)}</span>;
      return <span class="muted">{oneLine(one.output ?? NONE, 120)}</span>;
    },
  };
}
