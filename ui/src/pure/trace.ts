// A trace as a tree: rows in the order in which a waterfall shows them, with what a row says.

import type { Domain } from "./scale";

/** What a tree needs to know of a row; whole rows and outlines have it. */
export interface TraceRow {
  readonly id: string;
  readonly span_id?: string;
  readonly span_parents?: readonly string[] | null;
  readonly created?: string;
  readonly span_attributes?: { readonly name?: unknown; readonly type?: unknown } | null;
  readonly error?: unknown;
  readonly metrics?: Readonly<Record<string, unknown>> | null;
  readonly [name: string]: unknown;
}

export interface Span<R extends TraceRow = TraceRow> {
  readonly row: R;
  /** What others call it: the span's id, or the row's if it has none. */
  readonly key: string;
  readonly name: string;
  /** Empty if it has none. */
  readonly type: string;
  /** Seconds since 1970. */
  readonly start: number;
  /** Of what has no end yet: the end of the trace. */
  readonly end: number;
  readonly open: boolean;
  readonly failed: boolean;
  /** Seconds from the start. */
  readonly firstToken: number | null;
  readonly tokens: number | null;
  readonly cost: number | null;
  /** Place of the parent in the list; -1 for a root. */
  readonly parent: number;
  readonly depth: number;
  /** Spans below it and itself. They follow it in the list. */
  readonly size: number;
  /** Spans below it that failed. */
  readonly failedBelow: number;
  /** Seconds in which no child was under way. */
  readonly self: number;
  /** Whether it names a parent that is not there. */
  readonly orphan: boolean;
}

export interface Tree<R extends TraceRow = TraceRow> {
  /** Each parent before its children, siblings by their start. */
  readonly spans: readonly Span<R>[];
  readonly at: ReadonlyMap<string, number>;
  readonly extent: Domain;
  readonly failed: number;
  readonly open: number;
}

export const NO_TREE: Tree<never> = {
  spans: [],
  at: new Map(),
  extent: { from: 0, to: 0 },
  failed: 0,
  open: 0,
};

type Draft<R extends TraceRow> = { -readonly [K in keyof Span<R>]: Span<R>[K] };

/** Builds the tree, in O(n log n) and without recursion: a chain of 100 000 spans is one too. */
export function traceTree<R extends TraceRow>(rows: readonly R[]): Tree<R> {
  const steps = treeSteps(rows);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Spans that are looked at between two places where the work may rest. */
const A_STEP = 1_000;

/** The same in steps, for a page that must answer meanwhile. */
export function* treeSteps<R extends TraceRow>(rows: readonly R[]): Generator<void, Tree<R>, void> {
  if (rows.length === 0) return NO_TREE;
  const drafts: Draft<R>[] = [];
  const byKey = new Map<string, number>();
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [index, row] of rows.entries()) {
    const span = draft(row);
    drafts.push(span);
    if (!byKey.has(span.key)) byKey.set(span.key, index);
    from = Math.min(from, span.start);
    to = Math.max(to, span.open ? span.start : span.end);
    if (index % A_STEP === A_STEP - 1) yield;
  }
  const children: number[][] = drafts.map(() => []);
  const roots: number[] = [];
  for (const [index, span] of drafts.entries()) {
    if (span.open) span.end = Math.max(to, span.start);
    const parents = Array.isArray(span.row.span_parents) ? span.row.span_parents : [];
    const parent = parents.map((key) => byKey.get(key)).find((at) => at !== undefined && at !== index);
    span.orphan = parent === undefined && parents.length > 0;
    if (parent === undefined) roots.push(index);
    else (children[parent] as number[]).push(index);
    if (index % A_STEP === A_STEP - 1) yield;
  }
  const byStart = (a: number, b: number) => {
    const [left, right] = [drafts[a] as Draft<R>, drafts[b] as Draft<R>];
    return left.start - right.start || right.end - left.end || a - b;
  };
  for (const list of children) if (list.length > 1) list.sort(byStart);
  roots.sort(byStart);
  yield;

  const order: Draft<R>[] = [];
  const placed = new Uint8Array(drafts.length);
  const walk = function* (root: number): Generator<void, void, void> {
    const stack: [index: number, parent: number, depth: number][] = [[root, -1, 0]];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const [index, parent, depth] = next;
      if (placed[index]) continue;
      placed[index] = 1;
      const span = drafts[index] as Draft<R>;
      span.parent = parent;
      span.depth = depth;
      const place = order.push(span) - 1;
      if (place % A_STEP === A_STEP - 1) yield;
      const below = children[index] as number[];
      for (let at = below.length - 1; at >= 0; at--) stack.push([below[at] as number, place, depth + 1]);
    }
  };
  for (const root of roots) yield* walk(root);
  // What is left are rings of spans that name each other.
  for (let index = 0; index < drafts.length; index++) if (!placed[index]) yield* walk(index);

  let [failed, open] = [0, 0];
  for (let index = order.length - 1; index >= 0; index--) {
    const span = order[index] as Draft<R>;
    if (span.failed) failed += 1;
    if (span.open) open += 1;
    const parent = order[span.parent];
    if (!parent) continue;
    parent.size += span.size;
    parent.failedBelow += span.failedBelow + (span.failed ? 1 : 0);
  }
  yield;
  selfTimes(order);
  yield;
  const at = new Map<string, number>();
  for (const [index, { key, row }] of order.entries()) {
    if (!at.has(row.id)) at.set(row.id, index);
    at.set(key, index);
  }
  return { spans: order, at, extent: { from, to: to > from ? to : from + 1e-3 }, failed, open };
}

function draft<R extends TraceRow>(row: R): Draft<R> {
  const metrics = row.metrics ?? {};
  const created = Date.parse(row.created ?? "") / 1000;
  const start = numberOr(metrics.start, Number.isFinite(created) ? created : 0);
  const end = numberOr(metrics.end, Number.NaN);
  const tokens = numberOr(metrics.tokens, Number.NaN);
  const parts = numberOr(metrics.prompt_tokens, 0) + numberOr(metrics.completion_tokens, 0);
  const first = numberOr(metrics.time_to_first_token, Number.NaN);
  const attributes = row.span_attributes ?? {};
  return {
    row,
    key: row.span_id ?? row.id,
    name: typeof attributes.name === "string" && attributes.name !== "" ? attributes.name : "unnamed",
    type: typeof attributes.type === "string" ? attributes.type : "",
    start,
    end: Number.isNaN(end) ? start : Math.max(end, start),
    open: Number.isNaN(end) && typeof metrics.start === "number",
    failed: row.error != null && row.error !== "",
    firstToken: first >= 0 ? first : null,
    tokens: Number.isNaN(tokens) ? parts || null : tokens,
    cost: typeof metrics.estimated_cost === "number" ? metrics.estimated_cost : null,
    parent: -1,
    depth: 0,
    size: 1,
    failedBelow: 0,
    self: 0,
    orphan: false,
  };
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}

/** Siblings follow each other by start, so that one pass measures what they cover. */
function selfTimes<R extends TraceRow>(order: Draft<R>[]): void {
  const covered = new Float64Array(order.length);
  const until = new Float64Array(order.length).fill(Number.NEGATIVE_INFINITY);
  for (const span of order) {
    const parent = order[span.parent];
    if (!parent) continue;
    const start = Math.max(span.start, until[span.parent] as number, parent.start);
    const end = Math.min(span.end, parent.end);
    if (end > start) {
      covered[span.parent] = (covered[span.parent] as number) + end - start;
      until[span.parent] = end;
    }
  }
  for (const [index, span] of order.entries()) {
    span.self = Math.max(span.end - span.start - (covered[index] as number), 0);
  }
}

/** Places of the spans that are seen when those in `closed` are collapsed. */
export function visibleRows(tree: Tree, closed: ReadonlySet<string>): Int32Array {
  const rows = new Int32Array(tree.spans.length);
  let count = 0;
  for (let index = 0; index < tree.spans.length; ) {
    const span = tree.spans[index] as Span;
    rows[count++] = index;
    index += closed.has(span.key) ? span.size : 1;
  }
  return rows.subarray(0, count);
}

/** The row of a span, or of what it is collapsed into; -1 if there is none. Rows ascend. */
export function rowOf(rows: Int32Array, index: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as number) <= index) low = middle + 1;
    else high = middle - 1;
  }
  return index < 0 ? -1 : high;
}

/** What must be open so that a span is seen. */
export function ancestors(tree: Tree, index: number): string[] {
  const keys: string[] = [];
  for (let at = tree.spans[index]?.parent ?? -1; at >= 0; at = (tree.spans[at] as Span).parent) {
    keys.push((tree.spans[at] as Span).key);
  }
  return keys;
}

/** Bidirectional controls and line breaks do harm in a label of one line. */
export function label(text: string, most = 200): string {
  return text
    .slice(0, most)
    .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, "")
    .replace(/\s+/g, " ");
}
