// A value that changes at most every so often, for what costs the server more than a look.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

/** The value as it was at most `milliseconds` ago; the first one that is not null at once. */
export function useSlowly<T>(value: T | null, milliseconds: number): T | null {
  const shown = useSignal(value);
  const last = useRef(0);
  useEffect(() => {
    if (value === shown.peek()) return;
    const show = () => {
      last.current = Date.now();
      shown.value = value;
    };
    const left = shown.peek() === null ? 0 : last.current + milliseconds - Date.now();
    if (left <= 0) return show();
    const timer = setTimeout(show, left);
    return () => clearTimeout(timer);
  }, [value]);
  return shown.value ?? value;
}
