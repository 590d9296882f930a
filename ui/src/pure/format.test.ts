import { describe, expect, it } from "vitest";
import {
  bytes,
  change,
  cost,
  count,
  counted,
  duration,
  NONE,
  part,
  plain,
  points,
  range,
  share,
} from "./format";

describe("numbers read as on the command line", () => {
  it("times have the unit that fits", () => {
    const times: [number, string][] = [
      [0, "0 s"],
      [1e-6, "1 µs"],
      [999e-6, "999 µs"],
      [1e-3, "1.00 ms"],
      [0.2824, "282 ms"],
      [0.999499, "999 ms"],
      [0.9996, "1.00 s"],
      [14.63, "14.6 s"],
      [119.94, "120 s"],
      [125, "2 min 5 s"],
      [7200, "2 h"],
      [12_000, "3 h 20 min"],
      [187_200, "2 d 4 h"],
      [-0.5, "-500 ms"],
    ];
    for (const [seconds, text] of times) expect(duration(seconds)).toBe(text);
    expect([duration(null), duration(undefined), duration(Number.NaN)]).toEqual([NONE, NONE, NONE]);
  });

  it("sizes have the unit that fits", () => {
    expect([0, 999, 1000, 1536, 291_000, 2 ** 20 - 1, 5 * 2 ** 40].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 KiB",
      "1.5 KiB",
      "284 KiB",
      "1.0 MiB",
      "5120 GiB",
    ]);
  });

  it("shares, changes and intervals keep the decimals that say something", () => {
    expect([0, 0.003, 0.5, 0.971, 0.9999, 1].map(part)).toEqual([
      "0 %",
      "0.3 %",
      "50 %",
      "97.1 %",
      "100 %",
      "100 %",
    ]);
    expect([share(0.9956), share(null)]).toEqual(["99.56 %", NONE]);
    expect([change(-0.0276), change(0.157, 1), change(-0.00001)]).toEqual(["-2.76 %", "+15.7 %", "0.00 %"]);
    expect(points(0.9604, 0.9742)).toBe("96.0–97.4");
    expect(points(0.9961, 0.9962)).toBe("99.61–99.62");
    expect(points(-0.035, -0.0204)).toBe("-3.5 to -2.0");
    expect(points(-0.0001, 0.05)).toBe("0.0–5.0");
    expect(range(69.6, 72.4, 0)).toBe("70–72");
  });

  it("counts are grouped from five digits on", () => {
    expect([0, 2500, 12_345, 1_234_567, -12_345].map(count)).toEqual([
      "0",
      "2500",
      "12\u202f345",
      "1\u202f234\u202f567",
      "-12\u202f345",
    ]);
    expect([counted(1, "row"), counted(25, "row"), counted(0, "row")]).toEqual([
      "1 row",
      "25 rows",
      "0 rows",
    ]);
  });

  it("costs show a thousandth of a cent", () => {
    expect([0, 11.2e-6, 0.25, 12.4].map(cost)).toEqual(["0 $", "0.000011 $", "0.2500 $", "12.40 $"]);
  });

  it("numbers of unknown unit stay readable", () => {
    expect([3, 0.123456, 1234.56, 1.5e7 + 0.5, 1e-7].map(plain)).toEqual([
      "3",
      "0.1235",
      "1235",
      "1.50e+7",
      "1.00e-7",
    ]);
  });
});
