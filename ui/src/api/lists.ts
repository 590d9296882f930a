// The routes that pages ask, each in one line.

import { get, type Query } from "./client";
import { ApiError } from "./error";
import { tagsOf } from "./shapes";
import type {
  Case,
  Cases,
  Comparison,
  Dataset,
  DatasetVersions,
  Experiment,
  Experiments,
  Groups,
  Histogram,
  Hits,
  ObjectKind,
  Objects,
  Project,
  Projects,
  Trace,
} from "./types";
import type * as Generated from "./types.gen";

const id = encodeURIComponent;

export const listProjects = (query: Query, end?: AbortSignal) => get<Projects>("/api/projects", query, end);

export const listExperiments = (project: string, query: Query, end?: AbortSignal) =>
  get<Experiments>(`/api/projects/${id(project)}/experiments`, query, end);

export async function listCases(
  kind: ObjectKind,
  object: string,
  query: Query,
  end?: AbortSignal,
): Promise<Cases> {
  const reply = await get<Generated.Cases>(`/api/objects/${kind}/${id(object)}/cases`, query, end);
  return { ...reply, cases: reply.cases.map(shaped) };
}

export const readTrace = (kind: ObjectKind, object: string, query: Query, end?: AbortSignal) =>
  get<Trace>(`/api/objects/${kind}/${id(object)}/trace`, query, end);

/** How the cases are spread over a score, a metric or time. */
export const histogram = (kind: ObjectKind, object: string, query: Query, end?: AbortSignal) =>
  get<Histogram>(`/api/objects/${kind}/${id(object)}/histogram`, query, end);

/** Cases by input, tag or a member of the metadata, with their means. */
export const groups = (kind: ObjectKind, object: string, query: Query, end?: AbortSignal) =>
  get<Groups>(`/api/objects/${kind}/${id(object)}/groups`, query, end);

export const listVersions = (dataset: string, query: Query, end?: AbortSignal) =>
  get<DatasetVersions>(`/api/datasets/${id(dataset)}/versions`, query, end);

export async function compare(query: Query, end?: AbortSignal): Promise<Comparison> {
  const reply = await get<Generated.Comparison>("/api/compare", query, end);
  const cases = reply.cases.map(({ current, base, ...one }) => ({
    ...one,
    current: current.map(shaped),
    base: base.map(shaped),
  }));
  return { ...reply, cases };
}

const shaped = (one: Generated.Case): Case => ({ ...one, tags: tagsOf(one.tags) });

export const search = (query: Query, end?: AbortSignal) => get<Hits>("/api/search", query, end);

/** A project by the name in an address. */
export async function projectNamed(name: string, end?: AbortSignal): Promise<Pick<Project, "id" | "name">> {
  const { objects } = await get<Objects<Project>>("/v1/project", { project_name: name }, end);
  return objects[0] ?? missing("project", name);
}

/** An experiment by the names in an address. */
export async function experimentNamed(project: string, name: string, end?: AbortSignal): Promise<Experiment> {
  const query = { project_name: project, experiment_name: name };
  const { objects } = await get<Objects<Experiment>>("/v1/experiment", query, end);
  return objects[0] ?? missing("experiment", name);
}

export async function datasetNamed(project: string, name: string, end?: AbortSignal): Promise<Dataset> {
  const { objects } = await get<Objects<Dataset>>(
    "/v1/dataset",
    { project_name: project, dataset_name: name },
    end,
  );
  return objects[0] ?? missing("dataset", name);
}

function missing(what: string, name: string): never {
  throw new ApiError(
    404,
    `${what} "${name}" not found`,
    "It may have been deleted or renamed; go back to the list.",
  );
}
