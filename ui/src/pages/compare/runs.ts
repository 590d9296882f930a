// The experiments of an address, with their estimates, and all of their cases.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/client";
import { ApiError, asApiError, isAborted } from "../../api/error";
import { experimentNamed, listCases, listExperiments } from "../../api/lists";
import type { Experiment } from "../../api/types";
import { addCases, type ByInput } from "../../pure/pairs";

/** As a registration has it; estimates only if the list of the project has them. */
export type Run = Omit<Experiment, "cases" | "errors" | "rows" | "last_write" | "scores" | "metrics"> &
  Partial<Experiment>;

const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** By id, or by name in the project of the address. */
export async function findRun(project: string, text: string, end: AbortSignal): Promise<Run> {
  let run: Run | null = null;
  if (ID.test(text)) {
    try {
      run = await get<Run>(`/v1/experiment/${text}`, {}, end);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }
  run ??= await experimentNamed(project, text, end);
  const query = { search: run.name, sort: "name", limit: 1000 };
  const { experiments } = await listExperiments(run.project_id, query, end);
  return experiments.find(({ id }) => id === run.id) ?? run;
}

export interface Loaded {
  readonly experiments: readonly ByInput[];
  /** Cases read so far and, as far as they are told of, in all. */
  readonly read: number;
  readonly done: boolean;
  /** Being read, for the first time or again. */
  readonly reading: boolean;
  /** There are more cases than are read. */
  readonly cut: boolean;
  readonly error: ApiError | null;
}

/** Cases of each experiment that are read for the plot; about 1 kB each. */
export const MOST_CASES = 20_000;
const PAGE = 1000;
const NOTHING: Loaded = { experiments: [], read: 0, done: false, reading: true, cut: false, error: null };

/** All cases of experiments, page by page and side by side; the signal changes as they come. */
export function useCases(ids: readonly string[], times: number): Signal<Loaded> {
  const loaded = useSignal(NOTHING);
  const key = ids.join("\n");
  useEffect(() => {
    const end = new AbortController();
    loaded.value = { ...loaded.peek(), reading: true };
    const experiments = ids.map((): ByInput => new Map());
    let [read, cut] = [0, false];
    const one = async (id: string, to: ByInput) => {
      let cursor: string | null = null;
      for (let count = 0; ; ) {
        const query = { sort: "created", limit: PAGE, cursor: cursor ?? undefined };
        const page = await listCases("experiment", id, query, end.signal);
        addCases(to, page.cases);
        count += page.cases.length;
        read += page.cases.length;
        cursor = page.cursor;
        if (cursor === null) return;
        if (count >= MOST_CASES) {
          cut = true;
          return;
        }
      }
    };
    Promise.all(ids.map((id, index) => one(id, experiments[index] as ByInput))).then(
      () => {
        loaded.value = { experiments, read, done: true, reading: false, cut, error: null };
      },
      (error) => {
        if (isAborted(error) || end.signal.aborted) return;
        loaded.value = { ...loaded.peek(), reading: false, error: asApiError(error) };
      },
    );
    return () => end.abort();
  }, [key, times]);
  return loaded;
}
