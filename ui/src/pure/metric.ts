// What a metric is measured in, by its name; the rules are those of the server's summaries.

import { change, cost, count, duration, plain, points, range, share } from "./format";

export type Unit = "s" | "$" | "tok" | "";

const SECONDS = /(^|_)(duration|time_to_first_token|latency)$|_seconds$/;

export function metricUnit(name: string): Unit {
  if (name === "estimated_cost") return "$";
  if (name === "tokens" || name.endsWith("_tokens")) return "tok";
  return SECONDS.test(name) ? "s" : "";
}

/** A value of a metric with its unit. */
export function metricText(name: string, value: number | null | undefined): string {
  switch (metricUnit(name)) {
    case "s":
      return duration(value);
    case "$":
      return cost(value);
    case "tok":
      return value == null || Number.isInteger(value) ? count(value) : plain(value);
    default:
      return plain(value);
  }
}

/** The interval of a metric, in the unit of its value. */
export function metricRange(name: string, lower: number, upper: number): string {
  if (metricUnit(name) === "s" || metricUnit(name) === "$") {
    return `${metricText(name, lower)} to ${metricText(name, upper)}`;
  }
  return range(lower, upper, upper - lower < 1 ? 2 : 1);
}

/** Scores are fractions unless one of them is not. */
export function scoreText(value: number | null | undefined): string {
  return value != null && (value < -1 || value > 1) ? plain(value) : share(value);
}

/** The interval of a score, as [scoreText] writes its value. */
export function scoreRange(lower: number, upper: number): string {
  return Math.max(Math.abs(lower), Math.abs(upper)) > 1 ? range(lower, upper, 2) : points(lower, upper);
}

/** A difference to the base: of scores in points, of metrics relative to the base's mean. */
export function differenceText(kind: "score" | "metric", difference: number, base: number | null): string {
  if (kind === "score") return change(difference);
  return base ? change(difference / Math.abs(base), 1) : plain(difference);
}

/** The part of the tidiest names first: duration, cost, tokens; then by name. */
export function metricOrder(names: Iterable<string>): string[] {
  const first = ["duration", "estimated_cost", "tokens", "prompt_tokens", "completion_tokens"];
  const rank = (name: string) => first.indexOf(name) + 1 || first.length + 1;
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
