// The field that searches the trace: n of m, next and previous.

import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "../../parts/keyboard";
import { count } from "../../pure/format";
import type { Tree } from "../../pure/trace";
import type { TraceFind } from "./search";

export interface FindProps {
  readonly find: TraceFind;
  readonly tree: Tree;
  readonly text: string;
  readonly onText: (text: string) => void;
  /** Place of the selected span. */
  readonly at: number;
  readonly onGo: (index: number) => void;
}

const PAUSE_MS = 150;

export function Find({ find, tree, text, onText, at, onGo }: FindProps) {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => void find.search(tree, text), [find, tree, text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const found = find.found.value;
  const places = found?.places ?? [];

  const go = (step: 1 | -1) => {
    if (places.length === 0) return;
    const next = step > 0 ? places.find((place) => place > at) : places.findLast((place) => place < at);
    onGo(next ?? (places.at(step > 0 ? 0 : -1) as number));
  };
  useKeys([
    {
      keys: ["f"],
      what: "search the trace",
      run: () => {
        field.current?.focus();
        field.current?.select();
      },
    },
    { keys: ["n"], what: "next place found", run: () => (found ? go(1) : false) },
    { keys: ["N"], what: "previous place found", run: () => (found ? go(-1) : false) },
  ]);
  const here = places.indexOf(at);
  const reading = found !== null && !find.complete.value;
  return (
    <span class="find" role="search">
      <input
        ref={field}
        class="input"
        type="search"
        aria-label="search the trace"
        placeholder="Find in names and texts"
        defaultValue={text}
        spellcheck={false}
        autocomplete="off"
        onInput={({ currentTarget: { value } }) => {
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onText(value), PAUSE_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {found && (
        <>
          <span
            class="find-count"
            aria-live="polite"
            title={reading ? "texts are still being read" : undefined}
          >
            {places.length === 0
              ? reading
                ? "…"
                : "none"
              : `${here < 0 ? "" : `${count(here + 1)} of `}${count(places.length)}`}
            {reading && places.length > 0 ? "…" : ""}
          </span>
          <button
            type="button"
            class="button quiet icon"
            disabled={places.length === 0}
            title="previous N"
            aria-label="previous place found"
            onClick={() => go(-1)}
          >
            ↑
          </button>
          <button
            type="button"
            class="button quiet icon"
            disabled={places.length === 0}
            title="next n"
            aria-label="next place found"
            onClick={() => go(1)}
          >
            ↓
          </button>
        </>
      )}
    </span>
  );
}
