import { expect, it } from "vitest";
import { differenceText, metricOrder, metricText, metricUnit, scoreText } from "./metric";
import { absolute, ago } from "./time";
import { overall, verdictLook } from "./verdict";

it("metrics have the unit that the server's summaries give them", () => {
  expect(["duration", "estimated_cost", "prompt_tokens", "tokens", "retries"].map(metricUnit)).toEqual([
    "s",
    "$",
    "tok",
    "tok",
    "",
  ]);
  expect([metricText("duration", 0.112), metricText("tokens", 1234.5), metricText("tokens", 12)]).toEqual([
    "112 ms",
    "1235",
    "12",
  ]);
  expect(metricOrder(["z", "tokens", "a", "duration"])).toEqual(["duration", "tokens", "a", "z"]);
});

it("scores are fractions unless they are not", () => {
  expect([scoreText(0.5), scoreText(-1), scoreText(3.25)]).toEqual(["50.00 %", "-100.00 %", "3.25"]);
  expect([
    differenceText("score", -0.0276, 1),
    differenceText("metric", 0.5, 2),
    differenceText("metric", 0.5, 0),
  ]).toEqual(["-2.76 %", "+25.0 %", "0.5"]);
});

it("a verdict that is worse outweighs all others", () => {
  expect(overall(["same", "better", "worse"])).toBe("worse");
  expect(overall(["undecided", "better"])).toBe("better");
  expect(overall([])).toBeNull();
  expect(verdictLook("of a later version").word).toBe("undecided");
});

it("times are near in words and far as dates", () => {
  const now = new Date(2026, 10, 29, 21, 0, 0);
  const before = (seconds: number) => ago(new Date(now.getTime() - seconds * 1000), now);
  expect([0, 42, 200, 3 * 3600].map(before)).toEqual(["now", "42 s ago", "3 min ago", "3 h ago"]);
  expect(before(13 * 3600)).toBe("today 08:00");
  expect(before(30 * 3600)).toBe("yesterday 15:00");
  expect(before(20 * 86_400)).toBe("9 Nov 21:00");
  expect(before(400 * 86_400)).toBe("25 Oct 2025");
  expect(absolute(now)).toMatch(/^2026-11-29 21:00:00\.000 [+-]\d\d:\d\d$/);
});
