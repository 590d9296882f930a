// What is written while a page is open: events of the server, or a look every few seconds.

import { signal } from "@preact/signals";
import { address } from "./client";

/** How a page learns of changes: by events, by asking, or not at all at the moment. */
export type Live = "off" | "connecting" | "live" | "polling" | "lost";

export const live = signal<Live>("off");

/** What happened, as far as the server says. */
export interface Happened {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const POLL_MS = 5_000;
/** A server without events, or a proxy that refuses them, is asked for them again this often. */
const ASK_AGAIN_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** Events of a running evaluation come by the hundred; a page looks again this often at most. */
const GATHER_MS = 1_000;
/** What a page needs to know of a thousand writes is that there were some. */
const MOST_GATHERED = 1_000;

/** Events that mean a change; `ready`, the first of a stream, means none. */
const TYPES = ["changed", "reset"];

/**
 * Calls `changed` after writes, at most once a second, with what was said since; while the server
 * has no events, every 5 s. A hidden page holds no connection (browsers allow six of them to a server,
 * over all tabs) and looks once when it is seen again. Returns what ends it.
 */
export function subscribe(
  query: Readonly<Record<string, string>>,
  changed: (happened: readonly Happened[]) => void,
): () => void {
  let source: EventSource | null = null;
  let timers: ReturnType<typeof setTimeout>[] = [];
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let gathered: Happened[] = [];
  let retry = FIRST_RETRY_MS;

  const hear = (happened: Happened) => {
    if (gathered.length < MOST_GATHERED) gathered.push(happened);
    gathering ??= setTimeout(() => {
      const said = gathered;
      [gathered, gathering] = [[], undefined];
      changed(said);
    }, GATHER_MS);
  };
  const later = (milliseconds: number, run: () => void) => {
    timers.push(setTimeout(run, milliseconds));
  };
  const stop = () => {
    source?.close();
    source = null;
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  const poll = () => {
    live.value = "polling";
    changed([]);
    later(POLL_MS, poll);
  };
  const start = () => {
    stop();
    if (live.peek() !== "polling") live.value = "connecting";
    const opened = new EventSource(address("/api/events", query));
    source = opened;
    opened.onopen = () => {
      live.value = "live";
      // Whatever was written while there was no connection.
      if (retry !== FIRST_RETRY_MS) hear({ type: "reconnected", data: {} });
      retry = FIRST_RETRY_MS;
    };
    opened.onerror = () => {
      // Closed by the browser itself: the reply was no stream of events.
      const refused = opened.readyState === EventSource.CLOSED;
      stop();
      if (refused) {
        live.value = "polling";
        later(POLL_MS, poll);
        later(ASK_AGAIN_MS, start);
        return;
      }
      // A stream ends by itself after an hour; only what stays away is lost.
      live.value = retry === FIRST_RETRY_MS ? "connecting" : "lost";
      later(retry * (0.5 + Math.random()), start);
      retry = Math.min(retry * 2, LONGEST_RETRY_MS);
    };
    for (const type of TYPES) opened.addEventListener(type, (event) => hear({ type, data: parsed(event) }));
  };
  const seen = () => {
    if (document.hidden) return stop();
    changed([]);
    start();
  };

  document.addEventListener("visibilitychange", seen);
  if (!document.hidden) start();
  return () => {
    stop();
    clearTimeout(gathering);
    document.removeEventListener("visibilitychange", seen);
    live.value = "off";
  };
}

function parsed(event: Event): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse((event as MessageEvent<string>).data);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
