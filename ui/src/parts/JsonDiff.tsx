// What changed in a JSON value, member by member; texts word by word.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { counted } from "../pure/format";
import { type Change, changes, type Json, jsonDiff } from "../pure/tree";
import { JsonView } from "./JsonView";
import { TextDiff } from "./TextDiff";

export interface JsonDiffProps {
  readonly before: unknown;
  readonly after: unknown;
}

/** Members of one level that are shown at first. */
const CUT = 200;

export function JsonDiff({ before, after }: JsonDiffProps) {
  const change = useMemo(() => jsonDiff((before ?? null) as Json, (after ?? null) as Json), [before, after]);
  if (change.kind === "same") {
    return (
      <div class="json-diff">
        <p class="faint">no difference</p>
        <JsonView value={after} open={1} bare />
      </div>
    );
  }
  return (
    <div class="json-diff">
      <Part change={change} />
    </div>
  );
}

function Part({ change }: { readonly change: Change }) {
  switch (change.kind) {
    case "same":
      return <JsonView value={change.value} open={0} bare />;
    case "added":
      return (
        <ins class="block">
          <span class="diff-sign">+</span>
          <JsonView value={change.after} open={1} bare />
        </ins>
      );
    case "removed":
      return (
        <del class="block">
          <span class="diff-sign">-</span>
          <JsonView value={change.before} open={1} bare />
        </del>
      );
    case "changed":
      return typeof change.before === "string" && typeof change.after === "string" ? (
        <TextDiff before={change.before} after={change.after} />
      ) : (
        <>
          <Part change={{ kind: "removed", before: change.before }} />
          <Part change={{ kind: "added", after: change.after }} />
        </>
      );
    case "inside":
      return <Inside change={change} />;
  }
}

function Inside({ change }: { readonly change: Extract<Change, { kind: "inside" }> }) {
  const same = useSignal(false);
  const changed = change.members.filter(({ change }) => change.kind !== "same");
  const shown = same.value ? change.members : changed;
  const hidden = change.members.length - changed.length;
  return (
    <div class="json-members">
      {shown.slice(0, CUT).map(({ name, change }) => (
        <div key={name} class={`json-changed ${change.kind}`}>
          <span class="json-name">{name}: </span>
          <Part change={change} />
        </div>
      ))}
      {shown.length > CUT && <p class="faint">{counted(shown.length - CUT, "more member")}, not shown</p>}
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet small"
          onClick={() => {
            same.value = !same.value;
          }}
        >
          {same.value ? "Hide" : "Show"} {hidden} unchanged
        </button>
      )}
    </div>
  );
}

/** How much two values differ, in words: `3 changes`. */
export function changesText(before: unknown, after: unknown): string {
  return counted(changes(jsonDiff((before ?? null) as Json, (after ?? null) as Json)), "change");
}
