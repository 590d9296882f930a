// The outline of one trace, page by page, and again while it grows.

import { type Signal, signal } from "@preact/signals";
import { type ApiError, asApiError, isAborted } from "../../api/error";
import { readTrace } from "../../api/lists";
import type { ObjectKind, Row } from "../../api/types";
import { NO_TREE, type Tree, treeSteps } from "../../pure/trace";

export interface TraceOf {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly root: string;
}

/** Few enough that reading a page's JSON stops nothing else for long. */
const PAGE_ROWS = 2_000;
/** As many as a server counts for a trace. */
export const MOST_SPANS = 100_000;
/** A trace is read again at most so often, and never for more than a fifth of the time. */
const AGAIN_MS = 2_000;
/** After so long without anything new, a trace with open spans counts as given up. */
const RUNNING_S = 900;
/** How long a tree is built without a rest: less than a frame. */
const BUSY_MS = 8;

export class TraceLoad {
  readonly tree: Signal<Tree<Row>> = signal<Tree<Row>>(NO_TREE);
  readonly loaded = signal(0);
  readonly total = signal<number | null>(null);
  readonly error = signal<ApiError | null>(null);
  /** Counts completed readings. */
  readonly version = signal(0);

  #of: TraceOf;
  #end = new AbortController();
  #busy = false;
  #wanted = false;
  #next: ReturnType<typeof setTimeout> | undefined;
  #quiet = 0;

  constructor(of: TraceOf) {
    this.#of = of;
  }

  /** Reads everything. What is shown stays until the new tree is complete. */
  async read(): Promise<void> {
    if (this.#busy) {
      this.#wanted = true;
      return;
    }
    this.#busy = true;
    const began = performance.now();
    try {
      await this.#pages();
      this.error.value = null;
      this.version.value += 1;
    } catch (error) {
      if (!isAborted(error) && !this.#end.signal.aborted) this.error.value = asApiError(error);
    }
    this.#busy = false;
    this.#quiet = Math.max(AGAIN_MS, 5 * (performance.now() - began));
    if (this.#wanted) this.#later();
  }

  async #pages(): Promise<void> {
    const { kind, id, root } = this.#of;
    const rows: Row[] = [];
    const first = this.version.peek() === 0;
    let cursor: string | undefined;
    do {
      const asked = { root_span_id: root, outline: "true", limit: PAGE_ROWS, cursor };
      const page = await readTrace(kind, id, asked, this.#end.signal);
      // One by one: arguments are on the stack.
      for (const row of page.rows) rows.push(row);
      cursor = page.cursor ?? undefined;
      // Reading the next page's JSON is a task of its own.
      await pause();
      this.total.value = page.total;
      if (first) {
        // The first page is drawn at once; building the tree for each would be work for nothing.
        if (this.tree.peek().spans.length === 0) await this.#build(rows);
        this.loaded.value = rows.length;
      }
    } while (cursor && rows.length < MOST_SPANS);
    if (rows.length > this.tree.peek().spans.length || !first) await this.#build(rows);
    this.loaded.value = rows.length;
  }

  async #build(rows: readonly Row[]): Promise<void> {
    const steps = treeSteps(rows);
    let rested = performance.now();
    for (;;) {
      const { done, value } = steps.next();
      if (!done) {
        if (performance.now() - rested < BUSY_MS) continue;
        await pause();
        rested = performance.now();
        continue;
      }
      await pause();
      if (!this.#end.signal.aborted) this.tree.value = value;
      return;
    }
  }

  /** Something was written somewhere in the object: looks whether it was this trace. */
  async touched(): Promise<void> {
    if (this.#busy || this.#next !== undefined) {
      this.#wanted ||= this.#busy;
      return;
    }
    const tree = this.tree.peek();
    try {
      const { kind, id, root } = this.#of;
      const asked = { root_span_id: root, outline: "true", limit: 1 };
      const { total } = await readTrace(kind, id, asked, this.#end.signal);
      // Rows change while a span is open; one that never ended must not be read for ever.
      const running = tree.open > 0 && tree.extent.to > Date.now() / 1000 - RUNNING_S;
      if (total !== this.total.peek() || running) this.#later();
    } catch {
      // The next event comes, or the page says that the server is away.
    }
  }

  #later(): void {
    this.#wanted = false;
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      if (!this.#end.signal.aborted) void this.read();
    }, this.#quiet);
  }

  close(): void {
    clearTimeout(this.#next);
    this.#end.abort();
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, 0));
}
