// Reading again after writes, but never before the last look is done: of a run that writes each second, a
// slow answer would otherwise be given up each second and never be seen.

import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";

/**
 * A number that grows some time after `ask` was called, however often, and not while `busy`. What is read
 * depends on it.
 */
export function useCalm(busy: boolean, pauseMs: number): readonly [times: number, ask: () => void] {
  const times = useSignal(0);
  const asked = useSignal(false);
  useEffect(() => {
    if (!asked.value || busy) return;
    const timer = setTimeout(() => {
      asked.value = false;
      times.value += 1;
    }, pauseMs);
    return () => clearTimeout(timer);
  }, [asked.value, busy, pauseMs]);
  const ask = useCallback(() => {
    asked.value = true;
  }, []);
  return [times.value, ask];
}
