// Whether an experiment is being written and how far it is, beside its name.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Experiment } from "../api/types";
import { count, counted } from "../pure/format";

/** A run that did not say how long it is and wrote nothing for so long is done, or waits for something. */
const RECENT_MS = 15_000;

export function Running({ experiment }: { readonly experiment: Experiment }) {
  const { progress, cases } = experiment;
  const recent = useRecent(experiment.last_write);
  if (!(progress ? progress.running : recent)) return null;
  const planned = progress?.planned;
  return (
    <span
      class="running"
      title={`being written: ${counted(cases, "case")} so far${planned ? `, ${counted(planned, "trial")} planned` : ""}`}
    >
      <i aria-hidden="true" />
      {planned ? `${count(cases)} / ${count(planned)}` : "running"}
    </span>
  );
}

/** Whether a write was just now, as time goes by. */
function useRecent(lastWrite: string | null): boolean {
  const now = useSignal(Date.now());
  const last = lastWrite ? Date.parse(lastWrite) : 0;
  // Times of writes are whole seconds of the server's clock, which may be a little ahead.
  const left = last + RECENT_MS - now.value;
  const recent = left > 0 && left < 2 * RECENT_MS;
  useEffect(() => {
    now.value = Date.now();
  }, [last]);
  useEffect(() => {
    if (!recent) return;
    const timer = setTimeout(() => {
      now.value = Date.now();
    }, left + 50);
    return () => clearTimeout(timer);
  }, [recent, last]);
  return recent;
}
