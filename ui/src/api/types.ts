// Replies of the lists (docs/lists.md), as JSON has them.

export interface Footer {
  /** Null at the end. */
  cursor: string | null;
  /** Whether everything acknowledged before the request is in the answer. */
  exact: boolean;
  lag_rows: number;
  lag_seconds: number;
}

export interface Project {
  id: string;
  name: string;
  created: string;
  experiments: number;
  rows: number;
  last_write: string | null;
}

export interface Projects extends Footer {
  projects: Project[];
}

export interface Interval {
  lower: number;
  upper: number;
  level: number;
  method: string;
}

export interface Estimate {
  mean: number | null;
  standard_error: number | null;
  interval: Interval | null;
  case_sd: number | null;
  cases: number;
  trials: number;
}

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

export interface Experiment {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  created: string;
  repo_info: RepoInfo | null;
  commit: string | null;
  base_exp_id: string | null;
  dataset_id: string | null;
  dataset_version: string | null;
  public: boolean;
  user_id: string | null;
  metadata: Record<string, unknown> | null;
  tags: string[] | null;
  cases: number;
  errors: number;
  rows: number;
  last_write: string | null;
  /** Of an evaluation that said how many trials it plans. */
  progress?: { planned: number; running: boolean } | null;
  scores: Record<string, Estimate>;
  metrics: Record<string, Estimate>;
}

export interface Experiments extends Footer {
  experiments: Experiment[];
}

/** A trace with a root span; `input` and the like are their beginning as text. */
export interface Case {
  id: string;
  root_span_id: string;
  created: string;
  name: string | null;
  input: string | null;
  output: string | null;
  expected: string | null;
  error: string | null;
  truncated: string[];
  tags: string[] | null;
  scores: Record<string, number | null>;
  metrics: Record<string, number | null>;
  spans: number;
  failed: boolean;
  input_hash: string;
}

export interface Cases extends Footer {
  cases: Case[];
}

/** Of a list of cases, a trace, a search. */
export type ObjectKind = "experiment" | "project_logs" | "playground_logs" | "dataset";

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
  tags?: string[] | null;
  scores?: Record<string, number | null> | null;
  metrics?: Record<string, number | null> | null;
  [name: string]: unknown;
}

export interface Trace extends Footer {
  rows: Row[];
  total: number;
}

export interface Paired {
  current_mean: number | null;
  base_mean: number | null;
  difference: number | null;
  standard_error: number | null;
  interval: Interval | null;
  p_value: number | null;
  p_value_adjusted: number | null;
  test: string;
  matched_cases: number;
  current_only_cases: number;
  base_only_cases: number;
  improved_cases: number;
  regressed_cases: number;
  tied_cases: number;
  direction: "higher_is_better" | "lower_is_better";
  verdict: "better" | "worse" | "same" | "undecided";
}

/** Means over the trials of a case. */
export interface Sides {
  current: number | null;
  base: number | null;
  difference: number | null;
}

export interface ComparedCase {
  input_hash: string;
  scores: Record<string, Sides>;
  metrics: Record<string, Sides>;
  current: Case[];
  base: Case[];
}

export interface Comparison extends Footer {
  experiment: { id: string; name: string };
  base: { id: string; name: string };
  matched_cases: number;
  current_only_cases: number;
  base_only_cases: number;
  /** On the first page only. */
  scores: Record<string, Paired> | null;
  metrics: Record<string, Paired> | null;
  cases: ComparedCase[];
}

export interface Snippet {
  field: string;
  text: string;
  /** Ranges in bytes of UTF-8. */
  matches: [number, number][];
}

export interface Hit {
  object_type: ObjectKind;
  object_id: string;
  id: string;
  root_span_id: string;
  is_root: boolean;
  created: string;
  name: string | null;
  snippets: Snippet[];
}

export interface Hits extends Footer {
  hits: Hit[];
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

export interface Organisation {
  id: string;
  name: string;
}

/** `GET /api/session`: who asks and what they may do. */
export interface SessionReply {
  signed_in: boolean;
  /** Whether requests need a key here at all. */
  keys_needed: boolean;
  admin: boolean;
  scope: string | null;
  /** The only project that may be seen; null for all of them. */
  project: { id: string; name: string } | null;
  key: { id: string; name: string | null } | null;
  expires: string | null;
  org: Organisation | null;
  version: string;
}
