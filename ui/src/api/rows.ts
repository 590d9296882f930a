// Rows of an object, whole, and places of rows.

import { get, post } from "./client";
import { ApiError } from "./error";
import type { ObjectKind, ObjectLocation, Row } from "./types";

type Expression = { readonly op: string; readonly [name: string]: unknown };

const member = (...name: string[]): Expression => ({ op: "ident", name });
const equals = (left: Expression, value: string): Expression => ({
  op: "eq",
  left,
  right: { op: "literal", value },
});

interface Answer {
  readonly data: Row[];
}

function query(kind: ObjectKind, object: string, filter: Expression, limit: number, end?: AbortSignal) {
  const from = { op: "function", name: member(kind), args: [{ op: "literal", value: object }] };
  return post<Answer>("/btql", { query: { select: [{ op: "star" }], from, filter, limit } }, end);
}

/** A whole row by its id; null if there is none. */
export async function readRow(
  kind: ObjectKind,
  object: string,
  id: string,
  end?: AbortSignal,
): Promise<Row | null> {
  const { data } = await query(kind, object, equals(member("id"), id), 1, end);
  return data[0] ?? null;
}

/** What was said about a row: comments are rows of their own that name it. */
export async function readComments(
  kind: ObjectKind,
  object: string,
  id: string,
  end?: AbortSignal,
): Promise<Row[]> {
  const { data } = await query(kind, object, equals(member("origin", "id"), id), 100, end);
  return data.filter(({ comment }) => comment != null);
}

/** A whole row that a list has just shown; its absence is an error. */
export async function wholeRow(
  kind: ObjectKind,
  object: string,
  id: string,
  end?: AbortSignal,
): Promise<Row> {
  const found = await readRow(kind, object, id, end);
  if (found) return found;
  throw new ApiError(404, "this row is gone", "It was deleted since the list was read: reload the page.");
}

/** An object, or a row of it, by the names that addresses have. */
export const locate = (
  asked: { object_type: string; object_id: string; id: string | undefined },
  end?: AbortSignal,
) => get<ObjectLocation>("/api/location", asked, end);

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
