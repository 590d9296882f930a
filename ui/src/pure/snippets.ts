// Texts to copy that lead on: code that runs the cases of an experiment again, a case as a row of a dataset.

import { tagsOf } from "../api/shapes";
import type { Row } from "../api/types";

/** An evaluation in Rust over the cases of an experiment. */
export function evaluationOf(project: string, experiment: string): string {
  return `Eval::new(${rustText(project)})
    .data_from_experiment::<Value, Value>(${rustText(experiment)})
    .task(async |input, _cx| answer(input).await)
    .scorer("exact", |args| args.expected == Some(args.output))`;
}

/** A literal of Rust, which writes control characters otherwise than JSON. */
function rustText(text: string): string {
  return JSON.stringify(text).replace(
    /\\(?:u([0-9a-f]{4})|([bf\\"nrt]))/g,
    (all, code: string | undefined, letter: string | undefined) => {
      if (code !== undefined) return `\\u{${code}}`;
      return letter === "b" ? "\\u{8}" : letter === "f" ? "\\u{c}" : all;
    },
  );
}

/** The case as `POST /v1/dataset/{id}/insert` and files of cases take it: one line of JSON. */
export function rowOfDataset({ input, expected, metadata, tags }: Row): string {
  const texts = tagsOf(tags);
  return JSON.stringify({
    input,
    ...(expected === undefined || expected === null ? {} : { expected }),
    ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(texts ? { tags: texts } : {}),
  });
}
