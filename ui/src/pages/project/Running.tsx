// Whether an experiment is being written, beside its name.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Experiment } from "../../api/types";
import { counted } from "../../pure/format";

/** A run that wrote nothing for so long is done, or waits for something. */
const RECENT_MS = 15_000;

export function Running({ experiment }: { readonly experiment: Experiment }) {
  const now = useSignal(Date.now());
  const last = experiment.last_write ? Date.parse(experiment.last_write) : 0;
  // Times of writes are whole seconds of the server's clock, which may be a little ahead.
  const left = last + RECENT_MS - now.value;
  const running = left > 0 && left < 2 * RECENT_MS;
  useEffect(() => {
    if (!running) return;
    const timer = setTimeout(() => {
      now.value = Date.now();
    }, left + 50);
    return () => clearTimeout(timer);
  }, [running, last]);
  useEffect(() => {
    now.value = Date.now();
  }, [last]);
  if (!running) return null;
  return (
    <span class="running" title={`being written: ${counted(experiment.cases, "case")} so far`}>
      <i aria-hidden="true" />
      running
    </span>
  );
}
