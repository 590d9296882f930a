// Figures over an object's cases, and versions of a dataset. A server of before them answers 404.

import { get, type Query } from "./client";
import { ApiError } from "./error";
import type { Footer, ObjectKind } from "./types";

export interface Bucket {
  /** Unix milliseconds of a histogram by time. */
  lower: number;
  upper: number;
  cases: number;
  /** Of these, cases with an error in any span. */
  errors: number;
}

export interface Histogram extends Footer {
  buckets: Bucket[];
  cases: number;
  errors: number;
  missing: number;
}

/** Null from a server that has none. */
export function readHistogram(
  kind: ObjectKind,
  object: string,
  query: Query,
  end?: AbortSignal,
): Promise<Histogram | null> {
  const path = `/api/objects/${kind}/${encodeURIComponent(object)}/histogram`;
  return orNull(get<Histogram>(path, query, end));
}

/** A transaction that changed a dataset. */
export interface DatasetVersion {
  _xact_id: string;
  created: string;
  changed: number;
  deleted: number;
  snapshots: string[];
  environments: string[];
}

export interface DatasetVersions {
  /** Newest first. */
  versions: DatasetVersion[];
  cursor: string | null;
}

/** Null from a server that has none. */
export function listVersions(
  dataset: string,
  query: Query,
  end?: AbortSignal,
): Promise<DatasetVersions | null> {
  const path = `/api/datasets/${encodeURIComponent(dataset)}/versions`;
  return orNull(get<DatasetVersions>(path, query, end));
}

/** What a route answers, or null if there is no such route. */
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
