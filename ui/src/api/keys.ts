// Keys of the server, as `tidegate key` has them.

import { get, post, remove } from "./client";
import type { KeyInfo, KeyWanted, NewKey, Objects } from "./types";

/** Revoked ones included, newest first. */
export async function listKeys(end?: AbortSignal): Promise<KeyInfo[]> {
  const { objects } = await get<Objects<KeyInfo>>("/v1/api_key", {}, end);
  return [...objects].reverse();
}

export const createKey = (wanted: KeyWanted) => post<NewKey>("/v1/api_key", wanted);

export const revokeKey = (id: string) => remove<KeyInfo>(`/v1/api_key/${encodeURIComponent(id)}`);
