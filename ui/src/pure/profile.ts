// Lanes and curves of a profile, as `tidegate timeline` draws them. Times are seconds since the zero of
// the picture.

export interface Request {
  readonly number: number;
  readonly lane: number;
  readonly attempt: number;
  readonly rows: number;
  readonly bytes: number;
  readonly sentBytes: number;
  readonly queued: number;
  readonly start: number;
  readonly end: number;
  /** Null if there was no answer. */
  readonly status: number | null;
}

export type Ending = "accepted" | "retried" | "failed";

export function ending({ status, attempt }: Request): Ending {
  if (status === null || status < 200 || status > 299) return "failed";
  return attempt === 0 ? "accepted" : "retried";
}

/** A value from each time on until the next. */
export interface Steps {
  readonly at: Float64Array;
  readonly value: Float64Array;
  readonly most: number;
}

export interface Picture {
  /** By number; requests of one do not overlap and follow each other. */
  readonly lanes: readonly { readonly number: number; readonly requests: readonly Request[] }[];
  readonly requests: readonly Request[];
  /** Bytes recorded and not acknowledged; absent if the profile does not say. */
  readonly pending: Steps | null;
  readonly gate: Steps | null;
  readonly flush: Steps | null;
  readonly cases: Steps | null;
  readonly budget: number | null;
  /** The last time of all. */
  readonly end: number;
}

/** Takes the lines of a profile one by one; lines and members that it does not know are skipped. */
export class ProfileReader {
  #zero: number;
  #requests: Request[] = [];
  #queue: [number, number][] = [];
  #waits = { gate: [] as number[], flush: [] as number[] };
  #cases: number[] = [];
  #budget: number | null = null;
  #end = 0;

  /** `zero` is where the picture begins, in microseconds of the profile's clock. */
  constructor(zeroUs: number) {
    this.#zero = zeroUs;
  }

  line(text: string): void {
    // Most lines are spans inside of cases, which the picture does not show.
    if (text === "" || (text.startsWith('{"span"') && !text.includes('"root":true'))) return;
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(text);
    } catch {
      return;
    }
    for (const [kind, fields] of Object.entries(value ?? {})) {
      if (typeof fields === "object" && fields !== null) this.#take(kind, fields as Record<string, unknown>);
    }
  }

  #take(kind: string, fields: Record<string, unknown>): void {
    const time = (name: string) => Math.max(numberOf(fields[name]) - this.#zero, 0) / 1e6;
    const [start, end] = [time("start_us"), Math.max(time("end_us"), time("start_us"))];
    switch (kind) {
      case "header":
        this.#budget = typeof fields.budget_bytes === "number" ? fields.budget_bytes : null;
        break;
      case "request":
        this.#requests.push({
          number: numberOf(fields.number),
          lane: numberOf(fields.lane),
          attempt: numberOf(fields.attempt),
          rows: numberOf(fields.rows),
          bytes: numberOf(fields.bytes),
          sentBytes: numberOf(fields.sent_bytes),
          queued: time("queued_us"),
          start,
          end,
          status: typeof fields.status === "number" ? fields.status : null,
        });
        this.#end = Math.max(this.#end, end);
        break;
      case "queue":
        this.#queue.push([time("at_us"), numberOf(fields.pending_bytes)]);
        this.#end = Math.max(this.#end, time("at_us"));
        break;
      case "wait":
        if (fields.cause === "gate" || fields.cause === "flush") this.#waits[fields.cause].push(start, end);
        break;
      case "span":
        if (fields.root === true) this.#cases.push(start, end);
        this.#end = Math.max(this.#end, end);
    }
  }

  picture(): Picture {
    const requests = this.#requests.sort((a, b) => a.start - b.start || a.number - b.number);
    const lanes = new Map<number, Request[]>();
    for (const request of requests) {
      const lane = lanes.get(request.lane);
      if (lane) lane.push(request);
      else lanes.set(request.lane, [request]);
    }
    // Of a server there are no cases, and so nobody who could wait.
    const produced = this.#cases.length > 0 || this.#waits.gate.length + this.#waits.flush.length > 0;
    return {
      requests,
      lanes: [...lanes].sort(([a], [b]) => a - b).map(([number, requests]) => ({ number, requests })),
      pending: this.#queue.length > 0 ? stepsOf(this.#queue) : null,
      gate: produced ? overlaps(this.#waits.gate) : null,
      flush: produced ? overlaps(this.#waits.flush) : null,
      cases: this.#cases.length > 0 ? overlaps(this.#cases) : null,
      budget: this.#budget,
      end: this.#end,
    };
  }
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function stepsOf(points: [number, number][]): Steps {
  const sorted = points.sort(([a], [b]) => a - b);
  const most = sorted.reduce((most, [, value]) => Math.max(most, value), 0);
  return {
    at: Float64Array.from(sorted, ([at]) => at),
    value: Float64Array.from(sorted, ([, value]) => value),
    most,
  };
}

/** How many of `[start, end, start, end, …]` are under way; what has no length is not. */
export function overlaps(intervals: readonly number[]): Steps {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at + 1 < intervals.length; at += 2) {
    if ((intervals[at + 1] as number) <= (intervals[at] as number)) continue;
    starts.push(intervals[at] as number);
    ends.push(intervals[at + 1] as number);
  }
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  const [at, value]: [number[], number[]] = [[], []];
  let [begun, ended, most] = [0, 0, 0];
  while (ended < ends.length) {
    const next = Math.min(starts[begun] ?? Number.POSITIVE_INFINITY, ends[ended] as number);
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) <= next) ended += 1;
    while ((starts[begun] ?? Number.POSITIVE_INFINITY) <= next) begun += 1;
    at.push(next);
    value.push(begun - ended);
    most = Math.max(most, begun - ended);
  }
  return { at: Float64Array.from(at), value: Float64Array.from(value), most };
}

/** The largest value in each of `count` equal pieces of a stretch of time. */
export function columnsOf({ at, value }: Steps, from: number, to: number, count: number): Float64Array {
  const columns = new Float64Array(Math.max(count, 0));
  if (count < 1 || !(to > from)) return columns;
  let index = after(at, from) - 1;
  for (let column = 0; column < count; column++) {
    const [start, end] = [from + ((to - from) * column) / count, from + ((to - from) * (column + 1)) / count];
    while (index + 1 < at.length && (at[index + 1] as number) <= start) index += 1;
    let most = index >= 0 ? (value[index] as number) : 0;
    for (let next = index + 1; next < at.length && (at[next] as number) < end; next++) {
      most = Math.max(most, value[next] as number);
      index = next;
    }
    columns[column] = most;
  }
  return columns;
}

/** Index of the first time that comes after `time`. */
function after(at: Float64Array, time: number): number {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first request of a lane that ends after a time; those before it cannot be seen. */
export function firstSeen(requests: readonly Request[], time: number): number {
  let [low, high] = [0, requests.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((requests[middle] as Request).end <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
