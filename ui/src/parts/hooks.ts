// What pages do again and again: load, follow the address, listen for keys.

import { type Signal, useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { type ApiError, asApiError, isAborted } from "../api/error";
import { type FetchPage, Paged, type PagedOptions } from "../api/paged";
import { type Changes, withQuery } from "../pure/filters";

export interface Loaded<T> {
  /** Null until the first answer; the last one while another is on its way. */
  readonly value: T | null;
  readonly error: ApiError | null;
  readonly loading: boolean;
  readonly again: () => void;
}

/** Loads something whenever `deps` change; what is on its way for older ones is given up. */
export function useLoad<T>(load: (end: AbortSignal) => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const state = useSignal<{ value: T | null; error: ApiError | null; loading: boolean }>({
    value: null,
    error: null,
    loading: true,
  });
  const times = useSignal(0);
  const asked = useRef<readonly unknown[]>(deps);
  useEffect(() => {
    const end = new AbortController();
    asked.current = deps;
    state.value = { ...state.peek(), loading: true };
    load(end.signal).then(
      (value) => {
        if (!end.signal.aborted) state.value = { value, error: null, loading: false };
      },
      (error) => {
        if (end.signal.aborted || isAborted(error)) return;
        state.value = { ...state.peek(), error: asApiError(error), loading: false };
      },
    );
    return () => end.abort();
  }, [...deps, times.value]);
  const again = useCallback(() => {
    times.value += 1;
  }, []);
  // The first look at other `deps` comes before they are asked for.
  const isOther = deps.some((one, place) => one !== asked.current[place]);
  return { ...state.value, loading: state.value.loading || isOther, again };
}

/** A list by cursor that starts anew whenever `deps` change. Null `fetchPage` waits. */
export function usePaged<T>(
  fetchPage: FetchPage<T> | null,
  options: PagedOptions<T>,
  deps: readonly unknown[],
): Paged<T> | null {
  const paged = useMemo(() => (fetchPage ? new Paged(fetchPage, options) : null), deps);
  useEffect(() => {
    void paged?.want(1);
    return () => paged?.close();
  }, [paged]);
  return paged;
}

/** The query of the address, and how to change it: `set({ sort: "name" })`. */
export function useQuery(): [URLSearchParams, (changes: Changes, how?: "push" | "replace") => void] {
  const { url, route } = useLocation();
  const at = url.indexOf("?");
  const text = at < 0 ? "" : url.slice(at + 1);
  const query = useMemo(() => new URLSearchParams(text), [text]);
  const set = useCallback(
    (changes: Changes, how: "push" | "replace" = "replace") => {
      // From the address as it is now: two changes in one tick must both hold.
      const next = withQuery(window.location.search, changes);
      if (next !== window.location.search) route(window.location.pathname + next, how === "replace");
    },
    [route],
  );
  return [query, set];
}

/** The names in the address of a page, decoded. */
export function useNames(): { org: string; project: string; experiment: string; [name: string]: string } {
  const { params } = useRoute();
  return { org: "", project: "", experiment: "", ...params };
}

/** The title of the window. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Tidegate` : "Tidegate";
  }, [title]);
}

/** The newest value without making effects run again. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value);
  ref.current = value;
  return ref;
}

/** Width and height of an element, as it changes. */
export function useSize(ref: { current: HTMLElement | null }): Signal<{ width: number; height: number }> {
  const size = useSignal({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const read = () => {
      const { clientWidth: width, clientHeight: height } = element;
      const old = size.peek();
      if (old.width !== width || old.height !== height) size.value = { width, height };
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}
