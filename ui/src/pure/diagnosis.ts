// What the profile of a run says, in the words of `tidegate timeline`.

import type { Explanation, Figure } from "../api/types";
import { bytes, counted, duration, part } from "./format";

const us = (value: number) => duration(Math.round(value) / 1e6);

/** Categories of the critical path, in the order in which they are shown. */
export const CATEGORIES = ["task", "scorer", "other", "gate", "flush", "tail", "idle"] as const;

/** What each of them is, for whoever rests on it. */
export const CATEGORY_MEANS: Record<(typeof CATEGORIES)[number], string> = {
  task: "cases are in their task",
  scorer: "cases are in a scorer",
  other: "inside a case, in neither task nor scorer",
  gate: "cases wait for room in the byte budget",
  flush: "cases wait for a flush",
  tail: "after the last case, until the last row is settled",
  idle: "no case is under way",
};

/** Share of the wall, 0 to 1. */
export function categoryRatio(path: Readonly<Record<string, number>>, category: string): number {
  return path[`${category}_ratio`] ?? 0;
}

/** The figures that stand first: figure and what it counts. */
export function facts(explanation: Explanation): [string, string][] {
  const { shape, cpu } = explanation;
  const plural = (count: number, one: string, many: string) => (count === 1 ? one : many);
  const facts: [string, string][] = [
    [us(explanation.wall_us), "wall"],
    [String(shape.requests), plural(shape.requests, "request", "requests")],
    [String(shape.rows), plural(shape.rows, "row", "rows")],
    [
      String(shape.overlapping_pairs),
      plural(shape.overlapping_pairs, "overlapping pair", "overlapping pairs"),
    ],
    [String(shape.peak_in_flight), "in flight at most"],
  ];
  if (cpu) facts.push([part(cpu.idle_ratio), "CPU idle"]);
  if (!explanation.is_complete) facts.push(["not closed", "yet"]);
  return facts;
}

/** The run and how its rows were sent. */
export function runName({ name, strategy, source }: Explanation): string {
  const parts = [name, strategy, source === "server" ? "as the server saw it" : null];
  return parts.filter(Boolean).join(" · ") || "a run";
}

/** A line for each kind of figures. */
export function figures(explanation: Explanation): [string, string][] {
  const { shape, critical_path: path, cpu } = explanation;
  const lines: [string, string][] = [];
  if (shape.requests > 0) {
    const gaps =
      shape.idle_gaps === 0
        ? "never idle"
        : `${counted(shape.idle_gaps, "idle gap")} of ${us(shape.idle_gap_us_mean)} on average (${part(shape.idle_ratio)} of ${us(shape.phase_us)})`;
    lines.push([
      "uploads",
      `${counted(shape.overlapping_pairs, "overlapping pair")}, at most ${shape.peak_in_flight} in flight, ${shape.mean_in_flight.toFixed(1)} on average; ${gaps}`,
    ]);
    const failed = shape.failures.reduce((sum, { requests }) => sum + requests, 0);
    const retries = shape.retries === 1 ? "1 retry" : `${shape.retries} retries`;
    lines.push([
      "requests",
      `${counted(shape.rows, "row")} in ${counted(shape.requests, "request")}: ${shape.rows_per_request.mean.toFixed(1)} rows and ${bytes(Math.round(shape.bytes_per_request.mean))} each on average, median duration ${us(shape.request_us.median)}${shape.retries + failed > 0 ? `; ${failed} failed, ${retries}` : ""}`,
    ]);
  }
  if (path) {
    const parts = CATEGORIES.map((name) => [name, categoryRatio(path, name)] as const)
      .filter(([, ratio]) => ratio >= 0.0005)
      .map(([name, ratio]) => `${name} ${part(ratio)}`);
    lines.push([
      "wall",
      `${us(explanation.wall_us)}: ${parts.join(", ")}; somebody waited at the gate in ${part(shape.gate_wait_ratio)} of it, for a flush in ${part(shape.flush_wait_ratio)}`,
    ]);
  }
  if (cpu) {
    lines.push([
      "CPU",
      `${part(cpu.idle_ratio)} idle: ${us(cpu.user_us + cpu.system_us)} used over ${us(cpu.measured_us)}`,
    ]);
  }
  const missing: string[] = [];
  if (!explanation.is_complete) missing.push("the profile was not closed: its run goes on, or was killed");
  if (explanation.left_out > 0)
    missing.push(`${counted(explanation.left_out, "line")} had no room in the profile`);
  if (explanation.lost_records > 0)
    missing.push(`${counted(explanation.lost_records, "record")} of the run were lost`);
  if (missing.length > 0) lines.push(["missing", missing.join("; ")]);
  return lines;
}

/** A figure of the evidence: what it is, and its value. */
export function evidence({ label, value, unit }: Figure): string {
  const shown =
    unit === "us"
      ? us(Math.max(value, 0))
      : unit === "ratio"
        ? part(value)
        : unit === "bytes"
          ? bytes(Math.round(Math.max(value, 0)))
          : Number.isInteger(value)
            ? String(value)
            : value.toFixed(1);
  return `${label} ${shown}`;
}

export type Mood = "good" | "bad" | "plain";

/** Whether a cause could be put right, is as it is, or is none at all. */
export function mood(cause: string): Mood {
  if (cause === "healthy") return "good";
  return ["server_bound", "provider_bound", "cpu_bound"].includes(cause) ? "plain" : "bad";
}
