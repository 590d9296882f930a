// Columns of the table of cases: texts all of them, so that a long table scrolls with little work.

import type { Experiment } from "../../api/types";
import { type Column, plainColumn } from "../../parts/Table";
import { NONE } from "../../pure/format";
import { differenceText, metricOrder, metricText, scoreText } from "../../pure/metric";
import { faultText } from "../../pure/reasons";
import { absolute, dayAndTime } from "../../pure/time";
import type { CaseRow } from "./rows";

export interface Choice {
  readonly column: Column<CaseRow>;
  readonly name: string;
  /** Shown unless somebody chose. */
  readonly usual: boolean;
}

/** Characters of a cell: more than fit, and no more than that, since all of them are laid out. */
const CELL_CUT = 160;
const USUAL_SCORES = 6;
const USUAL_METRICS = ["duration", "estimated_cost", "tokens"];
const NAMES: Record<string, string> = { duration: "Duration", estimated_cost: "Cost", tokens: "Tokens" };

type Named = Pick<Experiment, "scores" | "metrics" | "errors"> | null;

/** Columns of an experiment; those of scores and metrics as its sums name them. */
export function choices(experiment: Named, changes: boolean, now: Date): Choice[] {
  const scores = Object.keys(experiment?.scores ?? {}).sort();
  const metrics = metricOrder(Object.keys(experiment?.metrics ?? {}));
  return [
    ...["output", "expected"].map(
      (id): Choice => ({ column: textColumn(id), name: titled(id), usual: true }),
    ),
    ...(changes ? [choice(baseOutput, "Base's output", false)] : []),
    ...scores.flatMap((name, index) => {
      const usual = index < USUAL_SCORES;
      return changes
        ? [choice(scoreColumn(name), name, usual), choice(changeColumn(name), `Δ ${name}`, usual)]
        : [choice(scoreColumn(name), name, usual)];
    }),
    choice(errorColumn, "Error", (experiment?.errors ?? 0) > 0),
    ...metrics.map((name) => choice(metricColumn(name), NAMES[name] ?? name, USUAL_METRICS.includes(name))),
    ...(changes ? [choice(trialsColumn, "Trials", true)] : []),
    choice(tagsColumn, "Tags", true),
    choice(spansColumn, "Spans", false),
    choice(nameColumn, "Name", false),
    choice(startedColumn(now), "Started", false),
  ];
}

const choice = (column: Column<CaseRow>, name: string, usual: boolean): Choice => ({ column, name, usual });
const titled = (id: string) => id[0]?.toUpperCase() + id.slice(1);

/** In one line, as much as a cell can show. */
function line(text: string | null): string {
  return text === null ? "" : text.slice(0, CELL_CUT).replace(/\s+/g, " ");
}

export const INPUT: Column<CaseRow> = plainColumn({
  id: "input",
  head: "Input",
  width: 200,
  grow: 3,
  text: ({ one }) => line(one.input) || NONE,
  title: ({ one }) => one.input ?? "",
});

function textColumn(id: string): Column<CaseRow> {
  const of = ({ one }: CaseRow) => (id === "output" ? one.output : one.expected);
  return plainColumn({
    id,
    head: titled(id),
    width: id === "output" ? 160 : 120,
    grow: id === "output" ? 2 : 1,
    text: (row) => line(of(row)) || NONE,
    title: (row) => of(row) ?? "",
    tone: (row) => (of(row) ? (id === "output" ? null : "muted") : "faint"),
  });
}

const baseOutput: Column<CaseRow> = plainColumn({
  id: "base-output",
  head: "Base's output",
  width: 160,
  grow: 1,
  text: ({ baseOutput }) => line(baseOutput ?? null) || NONE,
  title: ({ baseOutput }) => baseOutput ?? "",
  tone: () => "muted",
});

function scoreColumn(name: string): Column<CaseRow> {
  return plainColumn({
    id: `score:${name}`,
    sort: `score:${name}`,
    head: name,
    hint: name,
    width: Math.min(Math.max(92, 32 + 7 * name.length), 168),
    align: "end",
    text: ({ scores }) => scoreText(scores[name]),
    tone: ({ scores }) => (scores[name] == null ? "faint" : null),
    bar: ({ scores }) => scores[name] ?? null,
  });
}

function changeColumn(name: string): Column<CaseRow> {
  const of = ({ differences }: CaseRow) => differences?.[name] ?? null;
  return plainColumn({
    id: `change:${name}`,
    head: `Δ ${name}`,
    hint: `${name}: difference to the base`,
    width: Math.min(Math.max(104, 44 + 7 * name.length), 180),
    align: "end",
    text: (row) => {
      const difference = of(row);
      if (difference === null) return NONE;
      const sign = difference > 0 ? "▲ " : difference < 0 ? "▼ " : "";
      return sign + differenceText("score", difference, null);
    },
    tone: (row) => {
      const difference = of(row);
      return difference ? (difference > 0 ? "better" : "worse") : "faint";
    },
  });
}

function metricColumn(name: string): Column<CaseRow> {
  return plainColumn({
    id: `metric:${name}`,
    sort: `metric:${name}`,
    head: NAMES[name] ?? name,
    hint: name,
    width: NAMES[name] ? 92 : Math.min(Math.max(92, 32 + 7 * name.length), 200),
    align: "end",
    text: ({ metrics }) => metricText(name, metrics[name]),
    tone: ({ metrics }) => (metrics[name] == null ? "faint" : "muted"),
  });
}

const errorColumn: Column<CaseRow> = plainColumn({
  id: "error",
  head: "Error",
  hint: "of the case, or in any of its spans",
  width: 112,
  text: ({ one }) =>
    one.error ? line(`! ${faultText(one.error).message}`) : one.failed ? "! in a span" : NONE,
  title: ({ one }) => one.error ?? "",
  tone: ({ one }) => (one.failed || one.error ? "worse" : "faint"),
});

const trialsColumn: Column<CaseRow> = plainColumn({
  id: "trials",
  head: "Trials",
  hint: "of this experiment and of the base",
  width: 72,
  align: "end",
  text: ({ trials, baseTrials }) => (baseTrials > 0 ? `${trials} / ${baseTrials}` : String(trials)),
  tone: () => "muted",
});

const tagsColumn: Column<CaseRow> = plainColumn({
  id: "tags",
  head: "Tags",
  width: 128,
  text: ({ one }) => one.tags?.join(", ") ?? "",
  title: ({ one }) => one.tags?.join(", ") ?? "",
  tone: () => "muted",
});

const spansColumn: Column<CaseRow> = plainColumn({
  id: "spans",
  sort: "spans",
  head: "Spans",
  width: 72,
  align: "end",
  text: ({ one }) => String(one.spans),
  tone: () => "muted",
});

const nameColumn: Column<CaseRow> = plainColumn({
  id: "name",
  head: "Name",
  width: 128,
  text: ({ one }) => one.name ?? NONE,
  tone: () => "muted",
});

function startedColumn(now: Date): Column<CaseRow> {
  return plainColumn({
    id: "created",
    sort: "created",
    head: "Started",
    width: 120,
    text: ({ one }) => {
      const then = new Date(one.created);
      const [day, time] = dayAndTime(then);
      return now.getTime() - then.getTime() < 12 * 3_600_000
        ? `${time}:${String(then.getSeconds()).padStart(2, "0")}`
        : `${day} ${time}`;
    },
    title: ({ one }) => absolute(new Date(one.created)),
    tone: () => "muted",
  });
}
