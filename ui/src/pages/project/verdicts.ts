// Verdicts against the bases of the experiments that are seen: one comparison at a time, newest first, as
// each costs the server a look at all trials of both.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isAborted } from "../../api/error";
import { compare } from "../../api/lists";
import type { Comparison, Experiment } from "../../api/types";

/** What a comparison found; null if there is none to be had, such as with a base that was deleted. */
export type Found = Pick<Comparison, "base" | "scores" | "metrics" | "matched_cases"> | null;

/** By key of [verdictKey]. */
export type Verdicts = ReadonlyMap<string, Found>;

/** Kept while the pages are open: going back to a list asks nothing again. */
const kept: Signal<Verdicts> = signal(new Map());
const MOST_KEPT = 500;

/** A comparison holds until one more row is written. */
export function verdictKey({ id, base_exp_id, last_write, rows }: Experiment): string | null {
  return base_exp_id ? `${id} ${base_exp_id} ${last_write} ${rows}` : null;
}

/** Verdicts of `experiments`, which come one after the other; the signal changes with each. */
export function useVerdicts(experiments: readonly Experiment[]): Signal<Verdicts> {
  const wanted = useMemo(() => experiments.filter((one) => one.base_exp_id && one.cases > 0), [experiments]);
  useEffect(() => {
    const end = new AbortController();
    void find(wanted, end.signal);
    return () => end.abort();
  }, [wanted]);
  return kept;
}

async function find(wanted: readonly Experiment[], end: AbortSignal): Promise<void> {
  for (const experiment of wanted) {
    const key = verdictKey(experiment);
    if (key === null || kept.peek().has(key)) continue;
    let found: Found = null;
    try {
      found = await compare({ experiment_id: experiment.id, limit: 1 }, end);
    } catch (error) {
      if (isAborted(error) || end.aborted) return;
      // Refused or gone: asked again only when the experiment changes.
    }
    const next = new Map(kept.peek());
    const oldest = next.keys().next().value;
    if (next.size >= MOST_KEPT && oldest !== undefined) next.delete(oldest);
    if (found) {
      const { base, scores, metrics, matched_cases } = found;
      found = { base, scores, metrics, matched_cases };
    }
    kept.value = next.set(key, found);
  }
}
