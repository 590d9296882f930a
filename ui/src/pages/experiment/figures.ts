// What this page asks besides lists: sums of one experiment, histograms, groups. A server of before these
// routes answers 404, which is no error: null, and the page counts what it has.

import { get } from "../../api/client";
import { ApiError } from "../../api/error";
import { listCases, listExperiments, readTrace } from "../../api/lists";
import type { Case, Experiment, Footer, Row } from "../../api/types";
import type { Bins } from "../../pure/bins";

export interface Group {
  /** Null for cases without it. */
  key: string | null;
  cases: number;
  errors: number;
  scores: Record<string, { mean: number; cases: number }>;
  metrics: Record<string, { mean: number; cases: number }>;
}

export interface Groups {
  groups: Group[];
  total: number;
  left_out: number;
}

const id = encodeURIComponent;

/** Experiments whose name has the wanted one in it are looked through so far. */
const PAGES = 5;

/** An experiment with its sums, which only the list of its project has. */
export async function withSums(bare: Experiment, end: AbortSignal): Promise<Experiment> {
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const query = { search: bare.name, limit: 1000, cursor };
    const reply = await listExperiments(bare.project_id, query, end);
    const found = reply.experiments.find((one) => one.id === bare.id);
    if (found) return found;
    if (reply.cursor === null) break;
    cursor = reply.cursor;
  }
  throw new ApiError(
    404,
    `experiment "${bare.name}" not found`,
    "It may have been deleted or renamed; go back to the list.",
  );
}

/** An experiment by its id, such as a base; null if it was deleted. */
export const experimentOf = (experiment: string, end: AbortSignal) =>
  ifThere(get<Experiment>(`/v1/experiment/${id(experiment)}`, {}, end));

/** A route that a server may not have; null if it has not. */
async function ifThere<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

type Pairs = readonly (readonly [string, string])[];

export const histogram = (experiment: string, by: string, buckets: number, asked: Pairs, end: AbortSignal) =>
  ifThere(
    get<Bins & Footer>(
      `/api/objects/experiment/${id(experiment)}/histogram`,
      [["by", by], ["buckets", String(buckets)], ...asked],
      end,
    ),
  );

export const groups = (experiment: string, by: string, asked: Pairs, end: AbortSignal) =>
  ifThere(
    get<Groups & Footer>(
      `/api/objects/experiment/${id(experiment)}/groups`,
      [["by", by], ["limit", "1000"], ...asked],
      end,
    ),
  );

/** Most trials of one case that are shown. */
export const MOST_TRIALS = 50;

/** The trials of an input in an experiment, oldest first. */
export async function trialsOf(experiment: string, hash: string, end: AbortSignal): Promise<Case[]> {
  const query = { input_hash: hash, sort: "created", order: "asc", limit: MOST_TRIALS };
  return (await listCases("experiment", experiment, query, end)).cases;
}

/** The row of a case's root span: among the first of its trace. */
export async function rootOf(experiment: string, root: string, end: AbortSignal): Promise<Row | null> {
  const { rows } = await readTrace("experiment", experiment, { root_span_id: root, limit: 20 }, end);
  return rows.find((row) => row.is_root) ?? rows[0] ?? null;
}
