// The same requests as the picture has, one by one.

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { type Column, Table } from "../../parts/Table";
import { bytes, count, duration } from "../../pure/format";
import { ending, type Request } from "../../pure/profile";

const COLUMNS: readonly Column<Request>[] = [
  { id: "number", head: "Request", width: 84, cell: ({ number }) => count(number) },
  { id: "lane", head: "Lane", width: 60, align: "end", cell: ({ lane }) => count(lane) },
  { id: "start", head: "Start", width: 84, align: "end", cell: ({ start }) => duration(start) },
  { id: "took", head: "Took", width: 84, align: "end", cell: ({ start, end }) => duration(end - start) },
  { id: "rows", head: "Rows", width: 72, align: "end", cell: ({ rows }) => count(rows) },
  { id: "bytes", head: "Bytes", width: 84, align: "end", cell: ({ bytes: size }) => bytes(size) },
  {
    id: "waited",
    head: "Waited",
    width: 84,
    align: "end",
    hint: "its oldest row, before the request started",
    cell: ({ start, queued }) => duration(Math.max(start - queued, 0)),
  },
  {
    id: "status",
    head: "Answer",
    width: 140,
    cell: (request) => {
      const how = ending(request);
      const text = `${request.status ?? "none"}${request.attempt > 0 ? `, attempt ${request.attempt + 1}` : ""}`;
      return how === "failed" ? <span class="error">✕ {text}</span> : text;
    },
  },
];

export interface RequestsProps {
  readonly requests: readonly Request[];
  readonly picked: Signal<Request | null>;
  readonly onShow: (request: Request) => void;
}

const ROW_PIXELS = 28;
const MOST_PIXELS = 420;

export function Requests({ requests, picked, onShow }: RequestsProps) {
  const rows = useMemo(
    () => ({ length: requests.length, at: (index: number) => requests[index] }),
    [requests],
  );
  const height = Math.min((requests.length + 1) * ROW_PIXELS + 10, MOST_PIXELS);
  return (
    <section class="up-requests" aria-label="requests" style={{ height: `${height}px` }}>
      <Table
        label="requests"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ number, start }) => `${number} ${start}`}
        open={picked.value ? `${picked.value.number} ${picked.value.start}` : null}
        onOpen={(request) => {
          picked.value = request;
          onShow(request);
        }}
      />
    </section>
  );
}
