// Columns of the waterfall beside its bars, as far as there is room and something to say.

import { cost, count, duration, NONE } from "../../pure/format";
import type { Span, Tree } from "../../pure/trace";

export interface SpanColumn {
  readonly id: string;
  readonly head: string;
  readonly about: string;
  readonly width: number;
  readonly text: (span: Span) => string;
}

const ALL: readonly SpanColumn[] = [
  {
    id: "duration",
    head: "Duration",
    about: "from start to end",
    width: 74,
    text: ({ start, end, open }) => (open ? "running" : duration(end - start)),
  },
  {
    id: "tokens",
    head: "Tokens",
    about: "tokens of the call: prompt and completion",
    width: 62,
    text: ({ tokens }) => (tokens === null ? "" : count(tokens)),
  },
  {
    id: "cost",
    head: "Cost",
    about: "estimated cost of the call",
    width: 82,
    text: ({ cost: dollars }) => (dollars === null ? "" : cost(dollars)),
  },
  {
    id: "latency",
    head: "Latency",
    about: "until the first token came",
    width: 74,
    text: ({ firstToken }) => (firstToken === null ? "" : duration(firstToken)),
  },
];

const NAME = { least: 132, most: 440, ratio: 0.3 };
const BARS_LEAST = 200;

export interface Plan {
  readonly name: number;
  readonly columns: readonly SpanColumn[];
  /** Where bars begin. */
  readonly left: number;
  readonly bars: number;
}

export function plan(tree: Tree, width: number): Plan {
  const name = Math.round(Math.min(Math.max(width * NAME.ratio, NAME.least), NAME.most));
  const has: Record<string, boolean> = {
    duration: true,
    tokens: tree.spans.some(({ tokens }) => tokens !== null),
    cost: tree.spans.some(({ cost }) => cost !== null),
    latency: tree.spans.some(({ firstToken }) => firstToken !== null),
  };
  const columns: SpanColumn[] = [];
  let left = name;
  for (const column of ALL) {
    if (!has[column.id] || left + column.width + BARS_LEAST > width) continue;
    columns.push(column);
    left += column.width;
  }
  return { name, columns, left, bars: Math.max(width - left, 0) };
}

/** Sums over a trace, for its head. Tokens and cost of a span may be those of its children again. */
export function totals(tree: Tree): { tokens: string; cost: string } {
  let [tokens, dollars, hasTokens, hasCost] = [0, 0, false, false];
  for (const span of tree.spans) {
    if (span.type !== "llm") continue;
    tokens += span.tokens ?? 0;
    dollars += span.cost ?? 0;
    hasTokens ||= span.tokens !== null;
    hasCost ||= span.cost !== null;
  }
  return { tokens: hasTokens ? count(tokens) : NONE, cost: hasCost ? cost(dollars) : NONE };
}
