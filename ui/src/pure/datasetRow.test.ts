import { expect, it } from "vitest";
import { datasetRow } from "./datasetRow";

it("a dataset row is made of what was recorded, with its origin", () => {
  const row = {
    id: "r",
    input: "q",
    output: "a",
    metadata: { m: 1 },
    tags: [],
    _xact_id: "7",
    created: "2026",
  };
  expect(datasetRow("experiment", "e", row)).toEqual({
    input: "q",
    expected: "a",
    metadata: { m: 1 },
    origin: { object_type: "experiment", object_id: "e", id: "r", _xact_id: "7", created: "2026" },
  });
  expect(datasetRow("project_logs", "p", { id: "r", expected: 0, tags: ["t"] })).toEqual({
    input: null,
    expected: 0,
    tags: ["t"],
    origin: { object_type: "project_logs", object_id: "p", id: "r" },
  });
});
