// Datasets of a project, and how large they are.

import { get } from "./client";
import type { Dataset, Objects } from "./types";

/** Datasets of a project, oldest first as the server lists them; at most a page of them. */
export async function listDatasets(project: string, end?: AbortSignal): Promise<Dataset[]> {
  const { objects } = await get<Objects<Dataset>>("/v1/dataset", { project_name: project, limit: 1000 }, end);
  return objects;
}

/** How many rows a dataset has by now. */
export async function countRows(dataset: string, end?: AbortSignal): Promise<number | null> {
  const path = `/v1/dataset/${encodeURIComponent(dataset)}/summarize`;
  const { data_summary } = await get<{ data_summary: { total_records: number } | null }>(
    path,
    { summarize_data: "true" },
    end,
  );
  return data_summary?.total_records ?? null;
}
