// Types of replies, written by `cargo xtask ui` from those of the server. Do not edit.

/** Values from `lower` to below `upper`; the last range of a score or metric has `upper` as well.
 * Times are unix milliseconds, everything else is in its own unit. */
export type Bucket = { lower: number, upper: number, cases: number,
/** Of these, cases with an error in any span. */
errors: number, };

/** A case: a trace with a root. */
export type Case = {
/** Row id of the root span. */
id: string, root_span_id: string,
/** ISO 8601. */
created: string,
/** Name of the root span. */
name: string | null, input: string | null, output: string | null, expected: string | null, error: string | null,
/** Which of these texts were cut. */
truncated: Array<string>, tags: unknown, scores: Record<string, number>, metrics: Record<string, number>, spans: number,
/** Whether any span has an error. */
failed: boolean,
/** The same for cases of equal input, in all experiments. */
input_hash: string, };

export type Cases = { cases: Array<Case>,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

/** Why a run took as long as it did. The names in JSON are stable. */
export type Cause = "serial_uploads" | "flush_per_task" | "small_batches" | "retries" | "server_bound" | "provider_bound" | "cpu_bound" | "healthy";

/** An object that changed, with its sums as lists show them. */
export type Changed = {
/** `experiment`, `project_logs`, `playground_logs` or `dataset`. */
object_type: string, object_id: string,
/** `null` for rows that came before the registration of what they belong to. */
project_id: string | null,
/** Spans and other rows. */
rows: number, cases: number,
/** Cases with an error in any span. */
errors: number,
/** ISO 8601, to the second; `null` without rows. */
last_write: string | null, };

export type ComparedCase = { input_hash: string, scores: { [key in string]: Sides }, metrics: { [key in string]: Sides },
/** Trials of the experiment, oldest first. */
current: Array<Case>,
/** Trials of the base, oldest first. */
base: Array<Case>, };

export type Comparison = { experiment: Named, base: Named, matched_cases: number, current_only_cases: number, base_only_cases: number,
/** On the first page only, as `tidegate compare --json` has them. */
scores: { [key in string]: PairedComparison } | null, metrics: { [key in string]: PairedComparison } | null, cases: Array<ComparedCase>,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

/** The line of least squares through rows and duration of all requests that succeeded. */
export type Cost = {
/** What a request takes without its rows, in microseconds: at most what the shortest one
 * took. All of that, if all requests had the same number of rows. */
fixed_us: number,
/** What the fixed part is at least, in microseconds: two standard errors less. Requests of
 * one size say nothing about how their time divides; it is 0 then. */
fixed_us_at_least: number,
/** What each row adds, in microseconds; absent if all requests had the same number of rows. */
per_row_us: number | null, };

/** What the whole process used, from the profile's zero to the last measurement. */
export type Cpu = {
/** Length of that time, in microseconds. */
measured_us: number,
/** In user mode, in microseconds. */
user_us: number,
/** In the kernel, in microseconds. */
system_us: number,
/** Share of the time in which the process used no processor: `1 - (user + system) / time`,
 * and 0 if it used more than one. The published figures of the upload regression are
 * defined like this. */
idle_ratio: number,
/** Processors it kept busy on average: `(user + system) / time`. */
cores_used: number,
/** Processors that it may use, if the profile says so. */
cores: number | null, };

/** The wall by what it was spent on: shares from 0 to 1 whose sum is 1, or all 0 if the wall has
 * no length.
 *
 * Each instant is given away whole:
 * 1. After the last case has ended it is [`Tail`](Category::Tail). The last case has ended when
 *    the end of the profile says so (`produced_us`) or with the last span, whichever is later.
 * 2. If no case is under way it is [`Idle`](Category::Idle). A case is under way while one of
 *    the spans or waits of its trace is open; a wait that belongs to no trace counts as a case.
 * 3. Otherwise the cases under way share it evenly, and each gives its part to the first of
 *    these that applies to it: it waits for a flush, it waits at the gate, a `task` span is
 *    open, a `score` span is open, anything else.
 *
 * The even shares are what makes parallel cases comparable with one: of four cases that run
 * all the time, one that always waits at the gate makes a quarter of the wall `gate`.
 * Requests are looked at by none of the rules: an upload beside a running task costs nobody
 * anything. */
export type CriticalPath = {
/** In tasks. */
task_ratio: number,
/** Part of `task_ratio` with an `llm` span open in the same trace. */
task_llm_ratio: number,
/** In scorers. */
scorer_ratio: number,
/** Part of `scorer_ratio` with an `llm` span open in the same trace. */
scorer_llm_ratio: number,
/** In cases, but in neither task nor scorer. */
other_ratio: number,
/** Part of `other_ratio` with an `llm` span open in the same trace. */
other_llm_ratio: number,
/** Waiting at the gate. */
gate_ratio: number,
/** Waiting for a flush before the last case has ended. */
flush_ratio: number,
/** After the last case. */
tail_ratio: number,
/** No case under way. */
idle_ratio: number, };

/** A transaction that changed a dataset. */
export type DatasetVersion = { _xact_id: string,
/** ISO 8601, to the second. */
created: string,
/** Rows that it made or changed. */
changed: number,
/** Rows that it deleted. */
deleted: number,
/** Names of the snapshots of this version. */
snapshots: Array<string>,
/** Environments that use it. */
environments: Array<string>, };

/** Which way a score or metric is better. */
export type Direction = "higher_is_better" | "lower_is_better";

/** Mean and order of some values; all 0 if there are none. */
export type Distribution = {
/** Arithmetic mean. */
mean: number,
/** The middle value, or the mean of the two in the middle. */
median: number,
/** Smallest. */
min: number,
/** Largest. */
max: number, };

/** The mean of one score or metric and how sure it is.
 *
 * Serializes as an object of its fields; what is not there is null. */
export type Estimate = {
/** The mean over cases of the mean over each case's trials, exactly what
 * [`compare`](crate::comparison::compare) reports. */
mean: number,
/** The standard error of `mean`, in its unit: the standard deviation of the case means over
 * the root of the number of cases. `None` for a single case, 0 if all case means are equal.
 *
 * That is the error clustered by case, for cases of equal weight: trials of one case may
 * correlate in any way, since only case means enter, and these are independent. It is the
 * clustered error of Miller (2024, "Adding error bars to evals") where every case has as many
 * trials, with `n - 1` in the place of `n`. */
standard_error: number | null,
/** The interval of `mean`; `None` for a single case, and for a metric without spread. */
interval: Interval | null,
/** The standard deviation of the case means, which planning needs; `None` for a single case. */
case_sd: number | null,
/** Cases that have a value, at least 1. */
cases: number,
/** Values, over all cases. */
trials: number, };

export type Experiments = { experiments: Array<ListedExperiment>,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

/** What a profile says about its run. Times are microseconds, ratios 0 to 1. */
export type Explanation = {
/** The run, as the profile calls it. */
name: string,
/** Who wrote the profile. */
source: Source,
/** How rows were sent, if the profile says so. */
strategy: string | null,
/** Where the wall begins on the profile's clock: its zero; for a profile of a server, which
 * knows nothing of before, the start of the first request. */
start_us: number,
/** Length of the wall: from there until the last row was settled, or until whatever came
 * last if the profile was not closed. */
wall_us: number,
/** Whether the profile was closed in order. If not, the run was killed or goes on. */
is_complete: boolean,
/** Lines that the writer left out because the profile had reached its limit; all figures
 * are of the rest. */
left_out: number,
/** Records that were lost. */
lost_records: number,
/** The shape of requests and waits. */
shape: Shape,
/** Where the wall went; absent if the profile knows of requests only. */
critical_path: CriticalPath | null,
/** What the process used; absent if it was not measured. */
cpu: Cpu | null,
/** Why, most important first; never empty. */
diagnosis: Array<Finding>, };

/** Requests that failed in one way. */
export type Failure = {
/** HTTP status; absent if there was no answer. */
status: number | null,
/** How many. */
requests: number, };

/** A named figure that can be checked against the timeline. */
export type Figure = {
/** Stable name; that of the same figure elsewhere in the explanation, if there is one. */
name: string,
/** The value. */
value: number,
/** Of what. */
unit: Unit,
/** The name in words. */
label: string, };

/** A cause that was found. */
export type Finding = {
/** Which. */
cause: Cause,
/** Share of the wall that it explains, 0 to 1; findings are ordered by it. Shares of two
 * faults may overlap: a flush takes long because its requests are serial. */
wall_ratio: number,
/** The figures that led to it. */
evidence: Array<Figure>,
/** What it means and what to change, in plain words. */
advice: string, };

export type Found = { hits: Array<Hit>,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

export type Group = {
/** What its cases share: a text as it is, anything else as JSON; `null` for cases without it. */
key: string | null, cases: number,
/** Of these, cases with an error in any span. */
errors: number,
/** By name. */
scores: { [key in string]: GroupMean }, metrics: { [key in string]: GroupMean }, };

/** A plain mean over cases, without an interval. */
export type GroupMean = { mean: number,
/** Cases that have it. */
cases: number, };

export type GroupsReply = { groups: Array<Group>,
/** Groups there are, of which the largest are listed. */
total: number,
/** Cases that no group counts, since there were 10 000 groups before them. */
left_out: number,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

export type HistogramReply = {
/** From the lowest to the highest without a gap; none without cases. */
buckets: Array<Bucket>,
/** Cases in all of them. */
cases: number,
/** Of these, cases with an error in any span. */
errors: number,
/** Cases that lack the value. */
missing: number,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

export type Hit = { object_type: string, object_id: string,
/** Row id. */
id: string, root_span_id: string, is_root: boolean,
/** ISO 8601. */
created: string,
/** Name of the span. */
name: string | null,
/** Where the words are; the beginning of the text if they are not side by side. */
snippets: Array<Snippet>, };

/** A range that holds the true mean in a share `level` of all samples.
 *
 * Serializes as `{lower, upper, level, method}`; all numbers are finite, `lower <= upper`. */
export type Interval = {
/** Lower end, in the unit of the values. */
lower: number,
/** Upper end, in the unit of the values. */
upper: number,
/** The level, as a fraction. */
level: Level,
/** How it was made. */
method: Method, };

/** What is known of a key. */
export type KeyInfo = {
/** UUID. */
id: string,
/** As given when it was made. */
name: string | null,
/** What it allows. */
scope: Scope,
/** Id of the only project it opens; `None` for all. */
project_id: string | null,
/** Name of that project; `None` also if the project was deleted. */
project: string | null,
/** ISO 8601. */
created: string,
/** ISO 8601; `None` while it is valid. */
revoked: string | null,
/** ISO 8601. A collector that was killed may have forgotten the last minute. */
last_used: string | null, };

/** What a key is wanted for. */
export type KeyWanted = { name: string | null,
/** Id or name of the only project; a name that does not exist becomes a project. */
project: string | null,
/** `write` unless said otherwise. */
scope: Scope | null, };

export type KeysReply = {
/** Revoked ones included, oldest first. */
objects: Array<KeyInfo>, };

/** A level of confidence between 0 and 1; 0.95 unless told otherwise.
 *
 * ```
 * use tidegate_analysis::statistics::Level;
 * assert_eq!(Level::default(), Level::new(0.95)?);
 * assert!(Level::new(95.0).is_err());
 * # Ok::<(), tidegate_analysis::statistics::InvalidOption>(())
 * ``` */
export type Level = number;

/** An experiment as lists have it: what [`experiments::render`] makes of it, and the figures of
 * [`render`]. A registration may have given it other members besides. */
export type ListedExperiment = { id: string, project_id: string, name: string, description: string | null,
/** ISO 8601. */
created: string, repo_info: Record<string, unknown> | null, commit: string | null, base_exp_id: string | null, deleted_at: string | null, dataset_id: string | null, dataset_version: string | null, public: boolean, user_id: string | null, metadata: Record<string, unknown> | null, tags: Array<string> | null, cases: number, errors: number, rows: number,
/** ISO 8601, to the second; null without rows. */
last_write: string | null, scores: Record<string, Estimate>, metrics: Record<string, Estimate>, progress: Progress | null, };

/** How an interval was made. */
export type Method = "wilson" | "effective_wilson" | "student" | "hall" | "bca" | "bonett_price" | "constant";

/** An object's id and name. */
export type Named = {
/** UUID. */
id: string,
/** Name, unique among its siblings. */
name: string, };

/** A key that was made, with its text, which is told only here. */
export type NewKeyReply = { key: string,
/** UUID. */
id: string,
/** As given when it was made. */
name: string | null,
/** What it allows. */
scope: Scope,
/** Id of the only project it opens; `None` for all. */
project_id: string | null,
/** Name of that project; `None` also if the project was deleted. */
project: string | null,
/** ISO 8601. */
created: string,
/** ISO 8601; `None` while it is valid. */
revoked: string | null,
/** ISO 8601. A collector that was killed may have forgotten the last minute. */
last_used: string | null, };

/** An object, or a row of it, by the names that links have. */
export type ObjectLocation = {
/** `experiment`, `dataset` or `project_logs`. */
object_type: string, object_id: string, project: Named,
/** Name of the experiment or dataset. */
name: string | null,
/** Of the row that was asked for; `null` if none was. */
row: RowLocation | null, };

/** A score or metric of an experiment against that of its base, on the cases of both.
 *
 * Serializes as an object of its fields; what is not there is null. All figures but the
 * `*_only_cases` are of the matched cases alone, so `difference` may deviate from `diff` of
 * [`compare`](crate::comparison::compare), which takes all cases of either side. */
export type PairedComparison = {
/** Mean of the current experiment; `None` if no case matches. */
current_mean: number | null,
/** Mean of the base; `None` if no case matches. */
base_mean: number | null,
/** The mean of current minus base over cases, in the unit of the score or metric; above 0 is
 * better only if `direction` says so. `None` if no case matches. */
difference: number | null,
/** The standard error of `difference`; `None` for fewer than two matched cases. */
standard_error: number | null,
/** The standard deviation of the differences of cases, which planning needs. */
difference_sd: number | null,
/** The interval of `difference`, at the level of the options, for this score alone. `None` for
 * fewer than two matched cases, and for a metric that differs equally on all. */
interval: Interval | null,
/** Two-sided: how likely a difference this large is between runs of one and the same program.
 * `None` for fewer than two matched cases. */
p_value: number | null,
/** `p_value` corrected by [`holm`](super::holm) over all scores (or all metrics) compared at once. */
p_value_adjusted: number | null,
/** Where `p_value` comes from. */
test: Test | null,
/** Cases with a value on both sides. */
matched_cases: number,
/** Cases with a value on the current side only. */
current_only_cases: number,
/** Cases with a value on the base's side only. */
base_only_cases: number,
/** Matched cases whose mean got better. */
improved_cases: number,
/** Matched cases whose mean got worse. */
regressed_cases: number,
/** Matched cases whose mean stayed the same, but for rounding. */
tied_cases: number,
/** Which way is better. */
direction: Direction,
/** What it comes to. */
verdict: Verdict, };

/** How far an evaluation is that said how much it plans. */
export type Progress = {
/** Trials that it is to have; each is a case of the list. */
planned: number,
/** Whether there are fewer, and something was written lately: a run that died stops running. */
running: boolean, };

/** A project with sums over its logs and experiments. */
export type ProjectOverview = { id: string, name: string,
/** ISO 8601. */
created: string, experiments: number,
/** Spans and other rows, of logs and experiments. */
rows: number,
/** ISO 8601, to the second; null without rows. */
last_write: string | null, };

export type Projects = { projects: Array<ProjectOverview>,
/** Null at the end. */
cursor: string | null, exact: boolean,
/** Changed rows that are not indexed yet. */
lag_rows: number,
/** Age of the oldest of them. */
lag_seconds: number, };

export type RowLocation = { id: string, root_span_id: string, span_id: string | null, };

/** What a key allows. */
export type Scope = "read" | "write";

/** The key that was shown. */
export type SessionKey = { id: string, name: string | null, };

/** Who asks and what they may do. */
export type SessionReply = {
/** Whether there is any use in going on; otherwise a key is to be shown first. */
signed_in: boolean,
/** Whether requests need a key here at all. */
keys_needed: boolean,
/** Whether keys may be made and revoked. */
admin: boolean,
/** `null` for a stranger. */
scope: Scope | null,
/** The only project that may be seen; `null` for all of them. */
project: Named | null,
/** `null` where none is needed. */
key: SessionKey | null,
/** When the session ends, ISO 8601; `null` without one. */
expires: string | null,
/** `null` for a stranger. */
org: Named | null, version: string, };

/** Figures of the requests, and of the waits of producers. */
export type Shape = {
/** Requests over the upload phase, per second. */
requests_per_s: number,
/** Rows in all bodies. */
rows: number,
/** Bytes of all bodies before compression. */
bytes: number,
/** Bytes of all bodies as they were sent. */
sent_bytes: number,
/** Rows of a request. */
rows_per_request: Distribution,
/** Bytes of a request before compression. */
bytes_per_request: Distribution,
/** Duration of a request, in microseconds. */
request_us: Distribution,
/** What a request costs; absent if too few succeeded. */
cost: Cost | null,
/** Requests that repeated an earlier one. */
retries: number,
/** Requests without a 2xx answer, by status. */
failures: Array<Failure>,
/** Waits at the gate, for room in the byte budget. */
gate_waits: number,
/** Sum of their durations, in microseconds. */
gate_wait_us: number,
/** Share of the wall in which at least one producer waited at the gate. */
gate_wait_ratio: number,
/** Waits for a flush, the one at the end of the run included. */
flush_waits: number,
/** Sum of their durations, in microseconds. */
flush_wait_us: number,
/** Share of the wall in which at least one producer waited for a flush. */
flush_wait_ratio: number,
/** Number of intervals. */
requests: number,
/** Sum of all durations, in microseconds. */
cumulative_us: number,
/** From the first start to the last end, in microseconds. */
phase_us: number,
/** Pairs that share a stretch of time; touching ends do not count. */
overlapping_pairs: number,
/** Most intervals at one moment. */
peak_in_flight: number,
/** Intervals under way, on average over the phase: its cumulative time over its length. */
mean_in_flight: number,
/** Gaps between the first start and the last end in which nothing was under way. */
idle_gaps: number,
/** Length of all gaps, in microseconds. */
idle_us: number,
/** Mean length of the gaps; 0 without gaps. */
idle_gap_us_mean: number,
/** Share of the phase that the gaps are, 0 to 1. */
idle_ratio: number, };

/** Means over the trials of a case. */
export type Sides = { current: number | null, base: number | null, difference: number | null, };

export type Snippet = {
/** `input`, `output`, `expected` or `error`. */
field: string, text: string,
/** Byte ranges of the words found, in `text`. */
matches: Array<[number, number]>, };

/** Who wrote a profile. */
export type Source = "sdk" | "emulation" | "server";

/** Where a p-value comes from. */
export type Test = "mcnemar_mid_p" | "sign_flip_exact" | "sign_flip_sampled";

/** What a figure counts. */
export type Unit = "us" | "ratio" | "bytes" | "count" | "status";

/** What a comparison comes to. */
export type Verdict = "better" | "worse" | "same" | "undecided";

export type VersionsReply = {
/** Newest first. */
versions: Array<DatasetVersion>,
/** Null at the end. */
cursor: string | null, };
