// Replies of the server. What `types.gen.ts` has is taken from there; here is only what it lacks: rows, whose
// members clients choose, replies of the `/v1` routes, and narrower types for some members.

import type * as Generated from "./types.gen";

export type {
  Bucket,
  DatasetVersion,
  Estimate,
  Explanation,
  Figure,
  Finding,
  Group,
  GroupsReply as Groups,
  HistogramReply as Histogram,
  Interval,
  KeyInfo,
  NewKeyReply as NewKey,
  ObjectLocation,
  PairedComparison as Paired,
  ProjectOverview as Project,
  Projects,
  SessionReply,
  Sides,
  Snippet,
  VersionsReply as DatasetVersions,
} from "./types.gen";

/** What a page of a list ends with. */
export type Footer = Pick<Generated.Cases, "cursor" | "exact" | "lag_rows" | "lag_seconds">;

export interface Case extends Omit<Generated.Case, "tags"> {
  tags: string[] | null;
}

export interface Cases extends Omit<Generated.Cases, "cases"> {
  cases: Case[];
}

export interface ComparedCase extends Omit<Generated.ComparedCase, "current" | "base"> {
  current: Case[];
  base: Case[];
}

export interface Comparison extends Omit<Generated.Comparison, "cases"> {
  cases: ComparedCase[];
}

/** Of a list of cases, a trace, a search. */
export type ObjectKind = "experiment" | "project_logs" | "playground_logs" | "dataset";

/** Members that clients send of where their code came from. */
export interface RepoInfo {
  commit?: string | null;
  branch?: string | null;
  tag?: string | null;
  dirty?: boolean | null;
  author_name?: string | null;
  author_email?: string | null;
  commit_message?: string | null;
  commit_time?: string | null;
}

export interface Experiment extends Omit<Generated.ListedExperiment, "repo_info"> {
  repo_info: RepoInfo | null;
}

export interface Experiments extends Omit<Generated.Experiments, "experiments"> {
  experiments: Experiment[];
}

export interface Hit extends Omit<Generated.Hit, "object_type"> {
  object_type: ObjectKind;
}

export interface Hits extends Omit<Generated.Found, "hits"> {
  hits: Hit[];
}

/** Members that may be left out, for what a key is wanted for. */
export type KeyWanted = Partial<Generated.KeyWanted>;

/** A whole row, as a fetch returns it. */
export interface Row {
  id: string;
  span_id?: string;
  root_span_id?: string;
  span_parents?: string[] | null;
  is_root?: boolean;
  created?: string;
  span_attributes?: { name?: string; type?: string; purpose?: string; [name: string]: unknown } | null;
  input?: unknown;
  output?: unknown;
  expected?: unknown;
  error?: unknown;
  metadata?: Record<string, unknown> | null;
  context?: Record<string, unknown> | null;
  tags?: unknown;
  scores?: Record<string, number | null> | null;
  metrics?: Record<string, number | null> | null;
  [name: string]: unknown;
}

export interface Trace extends Footer {
  rows: Row[];
  total: number;
}

export interface Dataset {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  created: string;
  metadata: Record<string, unknown> | null;
}

/** Of the `/v1` routes. */
export interface Objects<T> {
  objects: T[];
}
