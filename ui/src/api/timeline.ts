// What the profile of a run says (docs/diagnosis.md), and the profile itself, line by line.

import { get } from "./client";
import { ApiError, replyError } from "./error";
import type { Explanation } from "./types";

const of = encodeURIComponent;

export const readTimeline = (experiment: string, end?: AbortSignal) =>
  get<Explanation>(`/api/experiments/${of(experiment)}/timeline`, {}, end);

export const profilePath = (experiment: string) => `/api/experiments/${of(experiment)}/profile`;

/** Where speedscope finds the same profile. */
export const speedscopePath = (experiment: string) => `/api/experiments/${of(experiment)}/speedscope`;

/** Between two looks at whether the page wants to do something else. */
const LINES_A_STEP = 2_000;

/** Reads a profile of any length without holding its text; `line` gets each of its lines. */
export async function readProfile(
  experiment: string,
  line: (text: string) => void,
  end: AbortSignal,
): Promise<void> {
  const reply = await fetch(profilePath(experiment), { credentials: "same-origin", signal: end });
  if (!reply.ok) throw replyError(reply.status, await reply.text());
  if (!reply.body) throw new ApiError(0, "the profile has no content", "Try again.");
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let lines = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    rest += piece.value;
    let from = 0;
    for (let at = rest.indexOf("\n"); at >= 0; at = rest.indexOf("\n", from)) {
      line(rest.slice(from, at));
      from = at + 1;
      lines += 1;
      if (lines % LINES_A_STEP === 0) await new Promise((done) => setTimeout(done, 0));
    }
    rest = rest.slice(from);
  }
  // What comes behind the last line break was never finished.
}
