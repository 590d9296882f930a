// Input, output and expected of a case: beside each other, one below the other, or as a difference.

import { useSignal } from "@preact/signals";
import { JsonDiff } from "../../parts/JsonDiff";
import { JsonView } from "../../parts/JsonView";
import { Switch } from "../../parts/Tabs";
import { TextDiff } from "../../parts/TextDiff";
import { equal, type Json } from "../../pure/tree";

export interface ValuesProps {
  readonly input: unknown;
  readonly output: unknown;
  readonly expected: unknown;
  /** What the base had for the same input. */
  readonly before: { readonly name: string; readonly output: unknown } | null;
}

type Way = "beside" | "below" | "expected" | "base";

const KEY = "tidegate.case.way";

export function Values({ input, output, expected, before }: ValuesProps) {
  const way = useSignal<Way>(kept());
  const hasExpected = expected !== undefined && expected !== null;
  // What was chosen for another case may not be there in this one.
  const at: Way =
    (way.value === "expected" && !hasExpected) || (way.value === "base" && !before) ? "beside" : way.value;
  const same = hasExpected && equal((output ?? null) as Json, expected as Json);
  return (
    <>
      <Part name="Input" value={input} />
      <div class="values-bar">
        <Switch
          label="output and expected"
          at={at}
          choices={[
            { id: "beside", text: "Side by side" },
            { id: "below", text: "Stacked" },
            ...(hasExpected ? [{ id: "expected" as const, text: "vs. expected" }] : []),
            ...(before ? [{ id: "base" as const, text: "vs. base", hint: before.name }] : []),
          ]}
          onChoose={(next) => {
            way.value = next;
            keep(next);
          }}
        />
        {same && <span class="faint small">output = expected</span>}
      </div>
      {at === "expected" ? (
        <section class="case-part">
          <h3>
            Expected <span class="diff-key removed">−</span> → output <span class="diff-key added">+</span>
          </h3>
          <Difference before={expected} after={output} />
        </section>
      ) : at === "base" && before ? (
        <section class="case-part">
          <h3>
            {before.name} <span class="diff-key removed">−</span> → this output{" "}
            <span class="diff-key added">+</span>
          </h3>
          <Difference before={before.output} after={output} />
        </section>
      ) : (
        <div class={at === "beside" ? "values beside" : "values"}>
          <Part name="Output" value={output} />
          {hasExpected && <Part name="Expected" value={expected} />}
          {before && !hasExpected && <Part name={`Output of ${before.name}`} value={before.output} />}
        </div>
      )}
    </>
  );
}

function Part({ name, value }: { readonly name: string; readonly value: unknown }) {
  return (
    <section class="case-part">
      <h3>{name}</h3>
      <div class="value">
        {value === undefined || value === null ? (
          <span class="faint">none</span>
        ) : (
          <JsonView value={value} open={2} />
        )}
      </div>
    </section>
  );
}

/** Texts word by word; a text that is JSON, and everything else, member by member. */
function Difference({ before, after }: { readonly before: unknown; readonly after: unknown }) {
  const [was, is] = [parsed(before), parsed(after)];
  return (
    <div class="value">
      {typeof was === "string" && typeof is === "string" ? (
        was === is ? (
          <>
            <p class="faint">no difference</p>
            <JsonView value={is} bare />
          </>
        ) : (
          <TextDiff before={was} after={is} />
        )
      ) : (
        <JsonDiff before={was} after={is} />
      )}
    </div>
  );
}

const PARSED_BYTES = 1_000_000;

function parsed(value: unknown): unknown {
  if (typeof value !== "string" || value.length > PARSED_BYTES || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function kept(): Way {
  try {
    const way = localStorage.getItem(KEY);
    return way === "below" || way === "expected" || way === "base" ? way : "beside";
  } catch {
    return "beside";
  }
}

function keep(way: Way): void {
  try {
    localStorage.setItem(KEY, way);
  } catch {
    // Forbidden by the browser: it holds for this case.
  }
}
