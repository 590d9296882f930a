// Single rows and places of rows.

import { get, post } from "./client";
import { ApiError } from "./error";
import type { Experiment, ObjectKind, Project, Row } from "./types";

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

/** `GET /api/location`: an object, or a row of it, by the names that addresses have. */
export interface Location {
  readonly object_type: ObjectKind;
  readonly object_id: string;
  readonly project: { readonly id: string; readonly name: string };
  readonly name: string | null;
  readonly row: {
    readonly id: string;
    readonly root_span_id: string;
    readonly span_id: string | null;
  } | null;
}

export async function locate(
  asked: { object_type: string; object_id: string; id: string | undefined },
  end?: AbortSignal,
): Promise<Location> {
  try {
    return await get<Location>("/api/location", asked, end);
  } catch (error) {
    // A server of before there was this route.
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    return await locateByHand(asked, error, end);
  }
}

async function locateByHand(
  {
    object_type: type,
    object_id: object,
    id,
  }: { object_type: string; object_id: string; id: string | undefined },
  error: ApiError,
  end?: AbortSignal,
): Promise<Location> {
  const kind = (type === "project_log" ? "project_logs" : type) as ObjectKind;
  const names = ["experiment", "dataset"].includes(kind);
  if (!names && kind !== "project_logs") throw error;
  const of = encodeURIComponent;
  const own = names ? await get<Experiment>(`/v1/${kind}/${of(object)}`, {}, end) : null;
  const project = await get<Project>(`/v1/project/${of(own?.project_id ?? object)}`, {}, end);
  const row = id ? await readRow(kind, object, id, end) : null;
  if (id && !row) throw error;
  return {
    object_type: kind,
    object_id: object,
    project,
    name: own?.name ?? null,
    row: row && {
      id: row.id,
      root_span_id: row.root_span_id ?? row.id,
      span_id: row.span_id ?? null,
    },
  };
}
