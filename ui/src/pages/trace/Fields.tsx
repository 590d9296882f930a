// The recorded values of a span: conversations as such, anything else as JSON.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Row } from "../../api/types";
import { Files } from "../../parts/Attachment";
import { Chat } from "../../parts/Chat";
import { Copy } from "../../parts/Copy";
import { JsonView } from "../../parts/JsonView";
import { filesIn } from "../../pure/attachments";
import { messagesOf } from "../../pure/chat";
import { label } from "../../pure/trace";

/** In this order; what else a row has comes behind them. */
const FIRST = ["error", "input", "output", "expected", "metadata", "context"];
/** Shown elsewhere on the page, or of no use to a reader. */
const ELSEWHERE = new Set([
  "scores",
  "metrics",
  "tags",
  "span_attributes",
  "id",
  "span_id",
  "root_span_id",
  "span_parents",
  "is_root",
  "created",
  "project_id",
  "experiment_id",
  "dataset_id",
  "log_id",
  "org_id",
  "comments",
  "_xact_id",
  "_pagination_key",
]);

export function Fields({ row }: { readonly row: Row }) {
  const more = Object.keys(row).filter((name) => !FIRST.includes(name) && !ELSEWHERE.has(name));
  const shown = [...FIRST, ...more].filter((name) => !isNothing(row[name]));
  const attributes = useMemo(() => {
    const { name, type, exec_counter, ...rest } = row.span_attributes ?? {};
    return Object.keys(rest).length > 0 ? rest : null;
  }, [row]);
  return (
    <>
      {shown.map((name) => (
        <Field key={`${row.id} ${name}`} name={name} value={row[name]} />
      ))}
      {attributes && <Field key={`${row.id} attributes`} name="attributes" value={attributes} />}
      <Field key={`${row.id} ids`} name="ids" value={idsOf(row)} closed />
    </>
  );
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0;
}

function idsOf(row: Row): Record<string, unknown> {
  const { id, span_id, root_span_id, span_parents, created, _xact_id } = row;
  return { id, span_id, root_span_id, span_parents, created, _xact_id };
}

interface FieldProps {
  readonly name: string;
  readonly value: unknown;
  readonly closed?: boolean;
}

function Field({ name, value, closed }: FieldProps) {
  const open = useSignal(!closed);
  const raw = useSignal(false);
  const talks = name === "input" || name === "output" || name === "expected";
  const messages = useMemo(() => (talks ? messagesOf(value) : null), [value]);
  const files = useMemo(() => filesIn(value), [value]);
  const chat = messages !== null && !raw.value;
  return (
    <section class={`field${name === "error" ? " failed-field" : ""}`}>
      <header>
        <button
          type="button"
          class="field-name"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          <span class="json-arrow" aria-hidden="true">
            {open.value ? "▾" : "▸"}
          </span>
          {name === "error" ? "✕ error" : label(name, 60)}
        </button>
        <span class="space" />
        <Copy text={() => (typeof value === "string" ? value : JSON.stringify(value, null, 2))} />
        {messages && open.value && (
          <button
            type="button"
            class="button quiet small"
            aria-pressed={raw.value}
            onClick={() => {
              raw.value = !raw.value;
            }}
          >
            {raw.value ? "Messages" : "JSON"}
          </button>
        )}
      </header>
      {open.value &&
        (chat ? <Chat messages={messages} /> : <JsonView value={value} open={name === "ids" ? 1 : 2} bare />)}
      {open.value && !chat && <Files files={files} />}
    </section>
  );
}
