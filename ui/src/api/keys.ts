// Keys of the server, as `tidegate key` has them.

import { get, post, remove } from "./client";
import type { Objects } from "./types";

export interface KeyInfo {
  id: string;
  name: string | null;
  scope: "read" | "write";
  /** The only project it opens; null for all. */
  project_id: string | null;
  /** Its name; null also if that project was deleted. */
  project: string | null;
  created: string;
  /** Null while it is valid. */
  revoked: string | null;
  /** Null if it never was. */
  last_used: string | null;
}

export interface KeyWanted {
  name?: string;
  project?: string;
  scope: "read" | "write";
}

/** A key that was made, with its text, which no other answer has. */
export interface NewKey extends KeyInfo {
  key: string;
}

/** Revoked ones included, newest first. */
export async function listKeys(end?: AbortSignal): Promise<KeyInfo[]> {
  const { objects } = await get<Objects<KeyInfo>>("/v1/api_key", {}, end);
  return [...objects].reverse();
}

export const createKey = (wanted: KeyWanted) => post<NewKey>("/v1/api_key", wanted);

export const revokeKey = (id: string) => remove<KeyInfo>(`/v1/api_key/${encodeURIComponent(id)}`);
