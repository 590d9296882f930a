// One way to ask the server: JSON, with a time limit, an end from outside, and one type of error.

import { signal } from "@preact/signals";
import { ApiError, replyError } from "./error";

const TIMEOUT_MS = 20_000;

/** How far the index was behind in the newest answer of a list; null if it was not. */
export const lag = signal<{ rows: number; seconds: number } | null>(null);

/** Whether the newest request got any reply. */
export const reachable = signal(true);

/** Called when the server wants a key; the shell leads to the login and back. */
export const onUnauthorized: { call: () => void } = { call: () => {} };

export type Query =
  | readonly (readonly [string, string])[]
  | Readonly<Record<string, string | number | undefined>>;

/** A path with its query; members that are undefined or empty are left out. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Array.isArray(query) ? query : Object.entries(query)) {
    if (value !== undefined && value !== "") params.append(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** `GET`; throws an [ApiError], or an `AbortError` if `end` was signalled. */
export function get<T>(path: string, query: Query = {}, end?: AbortSignal): Promise<T> {
  return send<T>("GET", address(path, query), undefined, end);
}

export function post<T>(path: string, body: unknown, end?: AbortSignal): Promise<T> {
  return send<T>("POST", path, body, end);
}

export function remove<T>(path: string, end?: AbortSignal): Promise<T> {
  return send<T>("DELETE", path, undefined, end);
}

async function send<T>(method: string, url: string, body: unknown, end?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const init: RequestInit = {
    method,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    credentials: "same-origin",
    signal: end ? AbortSignal.any([end, limit]) : limit,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  let text: string;
  let reply: Response;
  try {
    reply = await fetch(url, init);
    text = await reply.text();
    reachable.value = true;
  } catch (error) {
    if (end?.aborted) throw error;
    reachable.value = false;
    if (limit.aborted) {
      const seconds = TIMEOUT_MS / 1000;
      throw new ApiError(0, `no answer within ${seconds} s`, "The server is busy or far away: try again.");
    }
    throw new ApiError(
      0,
      "the server cannot be reached",
      "Is `tidegate serve` running? Try again when it is.",
    );
  }
  if (reply.status === 401) onUnauthorized.call();
  if (!reply.ok) throw replyError(reply.status, text);
  if (text === "") return undefined as T;
  try {
    const value = JSON.parse(text);
    noteLag(value);
    return value as T;
  } catch {
    throw new ApiError(
      reply.status,
      "the answer is not JSON",
      "Something between here and the server changes it.",
    );
  }
}

function noteLag(value: { exact?: unknown; lag_rows?: unknown; lag_seconds?: unknown } | null): void {
  if (typeof value?.exact !== "boolean") return;
  const behind = !value.exact && typeof value.lag_rows === "number" && value.lag_rows > 0;
  const next = behind ? { rows: value.lag_rows as number, seconds: Number(value.lag_seconds) || 0 } : null;
  if (next?.rows !== lag.peek()?.rows) lag.value = next;
}
