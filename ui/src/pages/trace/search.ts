// Searching a trace: names and attributes at once, texts as they are read.

import { signal } from "@preact/signals";
import { isAborted } from "../../api/error";
import { readTrace } from "../../api/lists";
import type { Row } from "../../api/types";
import type { Tree } from "../../pure/trace";
import type { TraceOf } from "./load";

/** Characters of a row that are searched, and of all rows together. */
const ROW_CHARACTERS = 20_000;
const ALL_CHARACTERS = 48_000_000;
/** Rows looked through before the page may do something else. */
const ROWS_A_STEP = 1_000;
const PAGE_ROWS = 200;
/** Rows of a page when they are large. */
const FEW_ROWS = 10;

export interface Found {
  /** Places in the tree, ascending. */
  readonly places: readonly number[];
  readonly set: ReadonlySet<number>;
}

export class TraceFind {
  readonly found = signal<Found | null>(null);
  /** Rows whose texts have been read. */
  readonly read = signal(0);
  readonly complete = signal(false);

  #of: TraceOf;
  #outlines = new WeakMap<object, string>();
  #texts = new Map<string, string>();
  #characters = 0;
  #end = new AbortController();
  #reading = false;
  #search = 0;
  #asked = { tree: null as Tree | null, words: "" };

  constructor(of: TraceOf) {
    this.#of = of;
  }

  /** Looks for a text in every row; null lifts the search. */
  async search(tree: Tree, text: string): Promise<void> {
    const words = text.trim().toLowerCase();
    this.#asked = { tree, words };
    const mine = ++this.#search;
    if (words === "") {
      this.found.value = null;
      return;
    }
    const places: number[] = [];
    for (const [index, { row }] of tree.spans.entries()) {
      if (index % ROWS_A_STEP === ROWS_A_STEP - 1) {
        await pause();
        if (mine !== this.#search) return;
      }
      if (this.#outline(row).includes(words) || this.#texts.get(row.id)?.includes(words)) places.push(index);
    }
    this.found.value = { places, set: new Set(places) };
    if (!this.#reading && !this.complete.peek()) void this.#readTexts();
  }

  #outline(row: object): string {
    const known = this.#outlines.get(row);
    if (known !== undefined) return known;
    const { span_attributes, error, tags, scores, id, span_id } = row as Row;
    const text = JSON.stringify([span_attributes, error, tags, scores, id, span_id]);
    const cut = text.slice(0, ROW_CHARACTERS).toLowerCase();
    this.#outlines.set(row, cut);
    return cut;
  }

  async #readTexts(): Promise<void> {
    this.#reading = true;
    const { kind, id, root } = this.#of;
    let cursor: string | undefined;
    let limit = PAGE_ROWS;
    try {
      do {
        const asked = { root_span_id: root, limit, cursor };
        const page = await readTrace(kind, id, asked, this.#end.signal);
        let read = 0;
        for (const { id, input, output, expected, metadata, context } of page.rows) {
          const text = JSON.stringify([input, output, expected, metadata, context]);
          read += text.length;
          const cut = text.slice(0, ROW_CHARACTERS).toLowerCase();
          this.#texts.set(id, cut);
          this.#characters += cut.length;
        }
        limit = read > page.rows.length * ROW_CHARACTERS ? FEW_ROWS : PAGE_ROWS;
        this.read.value = this.#texts.size;
        cursor = page.cursor ?? undefined;
        if (this.#texts.size % (10 * PAGE_ROWS) === 0) await this.#again();
      } while (cursor && this.#characters < ALL_CHARACTERS);
      this.complete.value = true;
      await this.#again();
    } catch (error) {
      // What was found in names stays; the next search asks again.
      if (!isAborted(error)) this.#texts.clear();
    }
    this.#reading = false;
  }

  async #again(): Promise<void> {
    const { tree, words } = this.#asked;
    if (tree && words !== "") await this.search(tree, words);
  }

  close(): void {
    this.#search += 1;
    this.#end.abort();
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, 0));
}
