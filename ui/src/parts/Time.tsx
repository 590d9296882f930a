// A point in time: how long ago, and exactly when the pointer rests on it.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { NONE } from "../pure/format";
import { absolute, ago } from "../pure/time";

export interface TimeProps {
  /** As the API has it. */
  readonly at: string | null | undefined;
}

/** One clock for the page: a timer for each row would be hundreds. */
const now = signal(new Date());
let shown = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function Time({ at }: TimeProps) {
  useEffect(() => {
    shown += 1;
    timer ??= setInterval(() => {
      if (!document.hidden) now.value = new Date();
    }, 10_000);
    return () => {
      shown -= 1;
      if (shown > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  if (!at) return <span class="faint">{NONE}</span>;
  const then = new Date(at);
  // A clock that stood still while nothing was shown must not say that things happen in the future.
  const present = Math.max(now.value.getTime(), Math.min(then.getTime(), Date.now()));
  return (
    <time dateTime={at} title={absolute(then)}>
      {ago(then, new Date(present))}
    </time>
  );
}
