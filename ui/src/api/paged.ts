// A list that is read page by page as far as it is looked at.

import { type Signal, signal } from "@preact/signals";
import { type ApiError, asApiError, isAborted } from "./error";
import type { Footer } from "./types";

export interface Fetched<T> {
  readonly items: readonly T[];
  readonly footer: Footer;
}

/** Asks for one page: `cursor` is null for the first. */
export type FetchPage<T> = (cursor: string | null, limit: number, end: AbortSignal) => Promise<Fetched<T>>;

export interface PagedOptions<T> {
  /** Items of the first page, which is what is waited for; 50 by default. */
  readonly first?: number;
  /** Items of later ones; 500 by default. */
  readonly later?: number;
  /** Most items that a refresh reads again; what is beyond is kept as it is. 1 000 by default. */
  readonly refresh?: number;
  readonly key: (item: T) => string;
}

/**
 * Pages by cursor, asked for in order and one at a time. `items`, `done`, `error` and `loading` are signals
 * to read in components; [Paged.want] says how far is looked at.
 */
export class Paged<T> {
  readonly items: Signal<readonly T[]> = signal([]);
  readonly done = signal(false);
  readonly error: Signal<ApiError | null> = signal(null);
  readonly loading = signal(false);
  #cursor: string | null = null;
  #wanted = 1;
  #end = new AbortController();
  #refreshing = false;

  constructor(
    private readonly fetchPage: FetchPage<T>,
    private readonly options: PagedOptions<T>,
  ) {}

  /** Loads until there are `rows` items, the end is reached, or a page fails. */
  async want(rows: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, rows);
    if (this.loading.peek()) return;
    this.loading.value = true;
    try {
      while (!this.done.peek() && this.items.peek().length < this.#wanted) await this.#next();
      this.error.value = null;
    } catch (error) {
      // Not asked again by itself: the rows around are still there, and a button says "try again".
      if (!isAborted(error)) this.error.value = asApiError(error);
    } finally {
      this.loading.value = false;
    }
  }

  async #next(): Promise<void> {
    const { first = 50, later = 500 } = this.options;
    const limit = this.#cursor === null ? first : later;
    const page = await this.fetchPage(this.#cursor, limit, this.#end.signal);
    this.items.value = this.#cursor === null ? page.items : [...this.items.peek(), ...page.items];
    this.#cursor = page.footer.cursor;
    if (this.#cursor === null) this.done.value = true;
  }

  /**
   * Reads the beginning of the list again and puts it in the place of what was there. Rows do not vanish
   * meanwhile, and an error leaves them: the next refresh comes soon.
   */
  async refresh(): Promise<void> {
    if (this.#refreshing || this.loading.peek()) return;
    this.#refreshing = true;
    try {
      const { first = 50, refresh = 1000, key } = this.options;
      const before = this.items.peek();
      const limit = Math.min(Math.max(before.length, first), refresh);
      const page = await this.fetchPage(null, limit, this.#end.signal);
      if (before.length <= page.items.length || page.footer.cursor === null) {
        this.items.value = page.items;
        this.#cursor = page.footer.cursor;
        this.done.value = page.footer.cursor === null;
      } else {
        const fresh = new Set(page.items.map(key));
        this.items.value = [
          ...page.items,
          ...before.slice(page.items.length).filter((one) => !fresh.has(key(one))),
        ];
      }
      this.error.value = null;
    } catch (error) {
      if (!isAborted(error) && this.items.peek().length === 0) this.error.value = asApiError(error);
    } finally {
      this.#refreshing = false;
    }
  }

  /** Gives up what is on its way; the list is not used after. */
  close(): void {
    this.#end.abort();
  }
}
