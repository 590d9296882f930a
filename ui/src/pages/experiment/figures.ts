// What this page asks besides lists: the sums of one experiment, its base, and the trials of a case.

import { get } from "../../api/client";
import { ApiError } from "../../api/error";
import { listCases, listExperiments, readTrace } from "../../api/lists";
import type { Case, Experiment, Row } from "../../api/types";

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
export async function experimentOf(experiment: string, end: AbortSignal): Promise<Experiment | null> {
  try {
    return await get<Experiment>(`/v1/experiment/${id(experiment)}`, {}, end);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

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
