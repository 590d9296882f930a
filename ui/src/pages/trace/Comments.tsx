// What people said about a span. Comments are rows of their own, found by looking through the object,
// so that is done when somebody asks.

import { useSignal } from "@preact/signals";
import { type ApiError, asApiError, isAborted } from "../../api/error";
import { readComments } from "../../api/rows";
import type { Row } from "../../api/types";
import { JsonView } from "../../parts/JsonView";
import { Failed } from "../../parts/states";
import { Time } from "../../parts/Time";
import { label } from "../../pure/trace";
import type { TraceOf } from "./load";

export function Comments({ of, row }: { readonly of: TraceOf; readonly row: string }) {
  const state = useSignal<{ rows: Row[] | null; error: ApiError | null; loading: boolean }>({
    rows: null,
    error: null,
    loading: false,
  });
  const load = async () => {
    state.value = { rows: null, error: null, loading: true };
    try {
      const rows = await readComments(of.kind, of.id, row);
      state.value = { rows, error: null, loading: false };
    } catch (error) {
      if (!isAborted(error)) state.value = { rows: null, error: asApiError(error), loading: false };
    }
  };
  const { rows, error, loading } = state.value;
  return (
    <section class="field">
      <header>
        <button
          type="button"
          class="field-name"
          aria-expanded={rows !== null}
          disabled={loading}
          onClick={load}
        >
          <span class="json-arrow" aria-hidden="true">
            {rows ? "▾" : "▸"}
          </span>
          comments{loading ? " …" : rows ? ` (${rows.length})` : ""}
        </button>
      </header>
      {error && <Failed error={error} onAgain={load} inline />}
      {rows?.length === 0 && <p class="faint">Nobody has commented. Clients do with logFeedback.</p>}
      {rows?.map(({ id, comment, created, metadata, source }) => (
        <div key={id} class="comment">
          <p class="prose" dir="auto">
            {said(comment)}
          </p>
          <span class="faint small">
            <Time at={created} />
            {typeof source === "string" && ` · ${label(source, 40)}`}
          </span>
          {metadata && Object.keys(metadata).length > 0 && <JsonView value={metadata} open={0} bare />}
        </div>
      ))}
    </section>
  );
}

function said(comment: unknown): string {
  const text = typeof comment === "object" && comment !== null && "text" in comment ? comment.text : comment;
  return typeof text === "string" ? text : JSON.stringify(text);
}
