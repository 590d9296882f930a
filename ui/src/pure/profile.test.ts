import { describe, expect, it } from "vitest";
import type { Explanation, Figure } from "../api/types";
import { categoryRatio, evidence, facts, figures, mood, runName } from "./diagnosis";
import { columnsOf, ending, firstSeen, overlaps, ProfileReader } from "./profile";

const LINES = [
  '{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","budget_bytes":1000}}',
  '{"span":{"trace":1,"root":true,"kind":"eval","name":"e","start_us":1000000,"end_us":3000000,"records":3,"bytes":5}}',
  '{"span":{"trace":1,"kind":"llm","name":"\\"root\\":true","start_us":1000000,"end_us":2000000,"records":3,"bytes":5}}',
  '{"wait":{"cause":"flush","trace":1,"start_us":2000000,"end_us":3000000}}',
  '{"wait":{"cause":"tide","start_us":2000000,"end_us":3000000}}',
  '{"request":{"number":2,"lane":1,"rows":4,"bytes":90,"sent_bytes":40,"queued_us":1500000,"start_us":2000000,"end_us":2500000}}',
  '{"request":{"number":1,"lane":0,"rows":5,"bytes":300,"sent_bytes":300,"queued_us":0,"start_us":1500000,"end_us":3500000,"status":200}}',
  '{"queue":{"at_us":1200000,"pending_bytes":64,"in_flight":0}}',
  '{"later":{"x":1}}',
  "{not json",
  "null",
  "",
];

function read(zero = 1_000_000) {
  const reader = new ProfileReader(zero);
  for (const line of LINES) reader.line(line);
  return reader.picture();
}

describe("a profile as a picture", () => {
  it("has lanes, curves and an end, from the zero of the picture on", () => {
    const picture = read();
    expect(picture.lanes.map(({ number, requests }) => [number, requests.length])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(picture.requests.map(({ number, start, queued }) => [number, start, queued])).toEqual([
      [1, 0.5, 0],
      [2, 1, 0.5],
    ]);
    expect(picture.end).toBe(2.5);
    expect(picture.budget).toBe(1000);
    expect([picture.pending?.most, picture.cases?.most, picture.flush?.most, picture.gate?.most]).toEqual([
      64, 1, 1, 0,
    ]);
  });
  it("knows nothing of cases where a server has written it", () => {
    const reader = new ProfileReader(0);
    reader.line(LINES[5] as string);
    const { gate, flush, cases, pending } = reader.picture();
    expect([gate, flush, cases, pending]).toEqual([null, null, null, null]);
  });
  it("tells how a request ended", () => {
    const [first, second] = read().requests;
    expect(first && ending(first)).toBe("accepted");
    expect(second && ending(second)).toBe("failed");
    expect(first && ending({ ...first, attempt: 1 })).toBe("retried");
    expect(first && ending({ ...first, status: 503 })).toBe("failed");
  });
});

describe("curves", () => {
  it("count what is under way; touching is not overlapping", () => {
    const steps = overlaps([0, 2, 1, 3, 3, 4, 5, 5]);
    expect([...steps.at]).toEqual([0, 1, 2, 3, 4]);
    expect([...steps.value]).toEqual([1, 2, 1, 1, 0]);
    expect(steps.most).toBe(2);
  });
  it("show the largest value of each piece", () => {
    const steps = overlaps([1, 3, 2, 2.1]);
    expect([...columnsOf(steps, 0, 4, 4)]).toEqual([0, 1, 2, 0]);
    expect([...columnsOf(steps, 1.5, 1.9, 2)]).toEqual([1, 1]);
    expect([...columnsOf(steps, 2.9, 10, 2)]).toEqual([1, 0]);
    expect(columnsOf(steps, 1, 1, 3)).toHaveLength(3);
  });
  it("start with what is seen", () => {
    const requests = read().requests.slice(0, 1);
    expect([firstSeen(requests, 1), firstSeen(requests, 2.5)]).toEqual([0, 1]);
  });
});

/** What the page reads of it. */
const SERIAL = {
  name: "bench",
  source: "emulation",
  strategy: "serial-chunks",
  start_us: 0,
  wall_us: 14_631_123,
  is_complete: true,
  left_out: 0,
  lost_records: 0,
  shape: {
    requests: 50,
    phase_us: 14_630_665,
    overlapping_pairs: 0,
    peak_in_flight: 1,
    mean_in_flight: 0.9997,
    idle_gaps: 49,
    idle_gap_us_mean: 89.86,
    idle_ratio: 0.0003,
    rows: 510,
    rows_per_request: { mean: 10.2, median: 13, min: 1, max: 15 },
    bytes_per_request: { mean: 5419.8, median: 7203, min: 596, max: 8676 },
    request_us: { mean: 292_525, median: 303_795, min: 254_696, max: 312_579 },
    retries: 0,
    failures: [],
    gate_wait_ratio: 0,
    flush_wait_ratio: 0.99988,
  },
  critical_path: { task_ratio: 0.000002, flush_ratio: 0.8996, tail_ratio: 0.1002, task_llm_ratio: 0.000001 },
  cpu: { measured_us: 14_631_122, user_us: 30_113, system_us: 13_531, idle_ratio: 0.997 },
  diagnosis: [],
} as unknown as Explanation;

describe("the words of the command line", () => {
  it("are those that it prints for the same profile", () => {
    expect(figures(SERIAL)).toEqual([
      [
        "uploads",
        "0 overlapping pairs, at most 1 in flight, 1.0 on average; 49 idle gaps of 90 µs on average (0.0 % of 14.6 s)",
      ],
      ["requests", "510 rows in 50 requests: 10.2 rows and 5.3 KiB each on average, median duration 304 ms"],
      [
        "wall",
        "14.6 s: flush 90 %, tail 10 %; somebody waited at the gate in 0 % of it, for a flush in 100 %",
      ],
      ["CPU", "99.7 % idle: 43.6 ms used over 14.6 s"],
    ]);
    expect(runName(SERIAL)).toBe("bench · serial-chunks");
    expect(facts(SERIAL)[0]).toEqual(["14.6 s", "wall"]);
  });
  it("say what is missing", () => {
    const killed = {
      ...SERIAL,
      is_complete: false,
      left_out: 1,
      lost_records: 2,
      cpu: null,
      critical_path: null,
    };
    expect(figures(killed).at(-1)?.[1]).toBe(
      "the profile was not closed: its run goes on, or was killed; 1 line had no room in the profile; 2 records of the run were lost",
    );
    expect(facts(killed).at(-1)).toEqual(["not closed", "yet"]);
    expect(runName({ ...SERIAL, name: "", strategy: null, source: "server" })).toBe("as the server saw it");
  });
  it("count failures and retries", () => {
    const shape = {
      ...SERIAL.shape,
      retries: 1,
      failures: [500, null].map((status) => ({ status, requests: 1 })),
    };
    expect(figures({ ...SERIAL, shape })[1]?.[1]).toContain("; 2 failed, 1 retry");
  });
  it("have units in the evidence", () => {
    const figure = (unit: Figure["unit"], value: number) => evidence({ name: "x", label: "it", unit, value });
    expect([
      figure("us", 1_462_751.9),
      figure("ratio", 0.8997),
      figure("bytes", 2048),
      figure("count", 40),
      figure("count", 2.27),
    ]).toEqual(["it 1.46 s", "it 90 %", "it 2.0 KiB", "it 40", "it 2.3"]);
    expect(["healthy", "server_bound", "retries", "later"].map(mood)).toEqual([
      "good",
      "plain",
      "bad",
      "bad",
    ]);
    expect(categoryRatio({ task_ratio: 0.2, task_llm_ratio: 0.1 }, "task")).toBe(0.2);
  });
});
