// Whole rows of an object, by query.

import { get, post } from "./client";
import { ApiError } from "./error";
import type { ObjectKind, Row } from "./types";

interface Page {
  data: Row[];
  cursor: string | null;
}

const call = (name: string, value: string) => ({
  op: "function",
  name: { op: "ident", name: [name] },
  args: [{ op: "literal", value }],
});

/** One row by its id. */
export async function readRow(
  kind: ObjectKind,
  object: string,
  row: string,
  end?: AbortSignal,
): Promise<Row> {
  const filter = {
    op: "eq",
    left: { op: "ident", name: ["id"] },
    right: { op: "literal", value: row },
  };
  const query = { select: [{ op: "star" }], from: call(kind, object), filter, limit: 1 };
  const { data } = await post<Page>("/btql", { query }, end);
  const found = data[0];
  if (found) return found;
  throw new ApiError(404, "this row is gone", "It was deleted since the list was read: reload the page.");
}

export interface RowsPage {
  readonly rows: readonly Row[];
  /** Null at the end. */
  readonly cursor: string | null;
}

/** Rows of a dataset in the order of their ids, as of a version if one is named. */
export async function datasetRows(
  dataset: string,
  { version, cursor, limit }: { version: string | null; cursor: string | null; limit: number },
  end?: AbortSignal,
): Promise<RowsPage> {
  const reply = await get<{ events: Row[]; cursor: string | null }>(
    `/v1/dataset/${encodeURIComponent(dataset)}/fetch`,
    { limit, cursor: cursor ?? undefined, version: version ?? undefined },
    end,
  );
  return { rows: reply.events, cursor: reply.cursor };
}
