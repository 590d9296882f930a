// Who is logged in. The key itself is kept by the server behind a cookie that no script can read.

import { signal } from "@preact/signals";
import { get, onUnauthorized, post, remove } from "./client";
import { ApiError } from "./error";
import type { SessionReply } from "./types";

export interface Session {
  /** The organisation of links. */
  readonly org: string;
  /** Name of the key; null if none was needed. */
  readonly key: string | null;
  /** Whether keys may be made and revoked. */
  readonly admin: boolean;
}

export const session = signal<Session | null>(null);

/** Asks who is logged in, unless that is known; leads a stranger to the login. */
export async function whoAmI(end?: AbortSignal): Promise<Session> {
  const known = session.peek();
  if (known) return known;
  const found = await ask(end);
  session.value = found;
  return found;
}

async function ask(end?: AbortSignal): Promise<Session> {
  const { signed_in, org, key, admin } = await get<SessionReply>("/api/session", {}, end);
  if (signed_in && org) return { org: org.name, key: key && (key.name ?? key.id), admin };
  onUnauthorized.call();
  throw new ApiError(401, "nobody is logged in", "Log in with a key.");
}

/** Exchanges a key for a session; throws an [ApiError] of 401 if the key is unknown. */
export async function logIn(key: string): Promise<void> {
  session.value = null;
  await post("/api/session", { key });
  await whoAmI();
}

export async function logOut(): Promise<void> {
  session.value = null;
  await remove("/api/session");
}
