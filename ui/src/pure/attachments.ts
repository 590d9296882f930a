// Files in recorded values: references to attachments, and data URLs. Only images of a few types are
// ever shown in the page; everything else is a download.

import { isTree, type Json } from "./tree";

export type FileSource =
  | { readonly kind: "key"; readonly key: string }
  /** Somewhere else; never loaded by itself. */
  | { readonly kind: "link"; readonly url: string }
  /** Base64, without the head of the URL. */
  | { readonly kind: "data"; readonly base64: string }
  /** Known by a name of somebody else's only. */
  | { readonly kind: "none" };

export interface FileRef {
  readonly name: string;
  /** Lower case without parameters; empty if it is not known. */
  readonly type: string;
  readonly source: FileSource;
}

const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*);base64,/i;
/** Values that are looked through for files. */
const MOST_VALUES = 20_000;
const MOST_FILES = 50;

/** Whether a browser may show it as a picture. SVG is a document and may not. */
export function isShown(type: string): boolean {
  return SHOWN.has(type);
}

/** The file that a value is, in the shapes of attachments and data URLs; null if it is none. */
export function fileOf(value: Json | undefined, type = "", name = ""): FileRef | null {
  if (typeof value === "string") {
    const head = DATA_URL.exec(value.slice(0, 300));
    if (head) {
      const found = plainType(head[1] ?? type);
      const base64 = value.slice(head[0].length);
      return { name: name || `inline ${found || "data"}`, type: found, source: { kind: "data", base64 } };
    }
    if (/^https?:\/\//i.test(value)) {
      return { name: name || lastPart(value), type: plainType(type), source: { kind: "link", url: value } };
    }
    return null;
  }
  if (!isObject(value)) return null;
  const text = (member: string) => (typeof value[member] === "string" ? (value[member] as string) : "");
  const about = { name: text("filename") || name, type: plainType(text("content_type") || type) };
  if (value.type === "braintrust_attachment" && text("key")) {
    const source: FileSource = { kind: "key", key: text("key") };
    return { ...about, name: about.name || "attachment", source };
  }
  if (value.type === "external_attachment" && text("url")) {
    const url = text("url");
    return { ...about, name: about.name || lastPart(url), source: { kind: "link", url } };
  }
  return null;
}

/** Bytes in base64 with the type that somebody says. */
export function dataFile(base64: string, type: string, name = ""): FileRef {
  const known = plainType(type);
  return { name: name || `inline ${known || "data"}`, type: known, source: { kind: "data", base64 } };
}

/** Files anywhere in a value, each once, up to 50. */
export function filesIn(value: unknown): FileRef[] {
  const files: FileRef[] = [];
  const seen = new Set<string>();
  const queue: Json[] = [value as Json];
  for (let at = 0; at < queue.length && at < MOST_VALUES && files.length < MOST_FILES; at++) {
    const next = queue[at] as Json;
    const file = typeof next === "string" && !next.startsWith("data:") ? null : fileOf(next);
    if (file) {
      const id = sourceId(file.source);
      if (!seen.has(id)) files.push(file);
      seen.add(id);
    } else if (isTree(next)) {
      for (const member of Object.values(next)) {
        if (queue.length >= MOST_VALUES) break;
        if (typeof member === "string" ? member.startsWith("data:") : isTree(member)) queue.push(member);
      }
    }
  }
  return files;
}

function sourceId(source: FileSource): string {
  if (source.kind === "key") return `key ${source.key}`;
  if (source.kind === "link") return source.url;
  return source.kind === "data" ? `${source.base64.length} ${source.base64.slice(0, 200)}` : "";
}

/** The bytes of base64; null if it is none. */
export function decoded(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    const text = atob(base64.replace(/\s+/g, "").replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes;
  } catch {
    return null;
  }
}

/** A name for the disk. */
export function fileName(name: string): string {
  const clean = name
    .replace(/[\p{Cc}\p{Cf}/\\:*?"<>|]/gu, "_")
    .replace(/^\.+/, "_")
    .slice(0, 120);
  return clean || "attachment";
}

function plainType(type: string): string {
  return (type.split(";")[0] as string).trim().toLowerCase();
}

function lastPart(url: string): string {
  const path = url.split(/[?#]/)[0] as string;
  return path.split("/").filter(Boolean).pop()?.slice(0, 80) || url.slice(0, 80);
}

function isObject(value: unknown): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
