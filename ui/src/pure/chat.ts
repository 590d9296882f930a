// Messages of language models, in the shapes in which they are recorded: OpenAI's chat completions and
// responses, Anthropic's messages, Gemini's contents, the parts of Vercel's AI SDK.

import { dataFile, type FileRef, fileOf } from "./attachments";
import type { Json } from "./tree";

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "refusal"; readonly text: string }
  | { readonly kind: "call"; readonly name: string; readonly id: string; readonly input: Json }
  | { readonly kind: "result"; readonly name: string; readonly id: string; readonly output: Json }
  | { readonly kind: "file"; readonly file: FileRef }
  /** A part of a shape that is not known. */
  | { readonly kind: "other"; readonly value: Json };

export interface Message {
  /** `system`, `user`, `assistant`, `tool`, or what it says. */
  readonly role: string;
  readonly name: string;
  /** Why it ended, if it is an answer that says so. */
  readonly finish: string;
  readonly parts: readonly Part[];
}

type Fields = { [name: string]: Json };

/** Longer lists are shown as JSON. */
const MOST_MESSAGES = 2_000;

/** The messages that a value is; null if it is anything else. */
export function messagesOf(value: unknown): Message[] | null {
  const found = Array.isArray(value) ? listOf(value as Json[]) : isFields(value) ? bodyOf(value) : null;
  return found && found.length > 0 ? found : null;
}

/** A request or an answer as a whole. */
function bodyOf(body: Fields): Message[] | null {
  const system = body.system ?? body.systemInstruction ?? body.system_instruction ?? body.instructions;
  const list = body.messages ?? body.contents ?? (Array.isArray(body.input) ? body.input : undefined);
  if (Array.isArray(list)) {
    const messages = listOf(list);
    if (!messages) return null;
    const first = system === undefined || system === null ? [] : [made("system", partsOf(system, "system"))];
    return [...first, ...messages];
  }
  if (typeof list === "string" && body.contents !== undefined) return [made("user", [text(list)])];
  for (const name of ["choices", "candidates", "output"]) {
    const answers = body[name];
    if (Array.isArray(answers)) return listOf(answers);
  }
  const one = messageOf(body);
  return one ? [one] : null;
}

function listOf(list: Json[]): Message[] | null {
  if (list.length === 0 || list.length > MOST_MESSAGES) return null;
  const messages: Message[] = [];
  for (const item of list) {
    const message = isFields(item) ? messageOf(item) : null;
    if (!message) return null;
    messages.push(message);
  }
  return joined(messages);
}

/** Calls and reasoning that a response lists beside its message are part of what one side says. */
function joined(messages: readonly Message[]): Message[] {
  const all: Message[] = [];
  for (const message of messages) {
    const last = all.at(-1);
    if (last && message.name === ITEM && last.role === message.role) {
      all[all.length - 1] = { ...last, parts: [...last.parts, ...message.parts] };
    } else if (last?.name === ITEM && last.role === message.role) {
      all[all.length - 1] = { ...message, parts: [...last.parts, ...message.parts] };
    } else all.push(message);
  }
  return all.map((message) => (message.name === ITEM ? { ...message, name: "" } : message));
}

/** The name of a message that is an item of a response; no text can be the same. */
const ITEM = "\u0000";

function messageOf(item: Fields): Message | null {
  // A choice or a candidate.
  const inner = item.message ?? item.content;
  if (
    (item.finish_reason !== undefined || item.index !== undefined || item.finishReason !== undefined) &&
    isFields(inner)
  ) {
    const message = messageOf({ role: "assistant", ...inner });
    return message && { ...message, finish: said(item.finish_reason) || said(item.finishReason) };
  }
  switch (item.type) {
    case "function_call":
    case "custom_tool_call":
    case "mcp_call":
      return itemOf("assistant", [call(item.name, item.call_id ?? item.id, item.arguments ?? item.input)]);
    case "function_call_output":
    case "custom_tool_call_output":
      return itemOf("tool", [result("", item.call_id, item.output)]);
    case "reasoning":
      return itemOf("assistant", reasoning(item));
  }
  if (typeof item.type === "string" && item.role === undefined && /_call$/.test(item.type)) {
    return itemOf("assistant", [{ kind: "other", value: item }]);
  }
  if (typeof item.role !== "string") return null;
  const content = item.content ?? item.parts;
  const known = content !== undefined || item.tool_calls !== undefined || item.function_call !== undefined;
  if (!known && item.refusal === undefined) return null;
  const role = item.role === "model" ? "assistant" : item.role === "function" ? "tool" : item.role;
  const parts: Part[] = [];
  const thought = item.reasoning_content ?? item.reasoning;
  if (typeof thought === "string" && thought !== "") parts.push({ kind: "reasoning", text: thought });
  if (Array.isArray(thought)) parts.push(...thought.flatMap((one) => (isFields(one) ? reasoning(one) : [])));
  if (role === "tool" && typeof item.tool_call_id === "string") {
    parts.push(result(item.name, item.tool_call_id, unpacked(content)));
  } else parts.push(...partsOf(content, role));
  if (typeof item.refusal === "string") parts.push({ kind: "refusal", text: item.refusal });
  if (Array.isArray(item.tool_calls)) parts.push(...item.tool_calls.map(toolCall));
  if (isFields(item.function_call))
    parts.push(call(item.function_call.name, "", item.function_call.arguments));
  const finish = said(item.stop_reason);
  return { role, name: role === "tool" ? "" : said(item.name), finish, parts };
}

function partsOf(content: Json | undefined, role: string): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return content === "" ? [] : [text(content)];
  if (Array.isArray(content)) return content.flatMap((part) => partOf(part));
  if (isFields(content) && Array.isArray(content.parts)) return partsOf(content.parts, role);
  return partOf(content);
}

function partOf(part: Json): Part[] {
  if (typeof part === "string") return [text(part)];
  if (!isFields(part)) return [{ kind: "other", value: part }];
  const attachment = fileOf(part);
  if (attachment) return [{ kind: "file", file: attachment }];
  switch (part.type) {
    case "text":
    case "input_text":
    case "output_text":
      if (typeof part.text === "string") return [text(part.text)];
      break;
    case "refusal":
      return [{ kind: "refusal", text: said(part.refusal) }];
    case "thinking":
      return [{ kind: "reasoning", text: said(part.thinking) }];
    case "redacted_thinking":
      return [{ kind: "reasoning", text: "redacted by the provider" }];
    case "reasoning":
      return reasoning(part);
    case "tool_use":
    case "server_tool_use":
      return [call(part.name, part.id, part.input)];
    case "tool-call":
      return [call(part.toolName, part.toolCallId, part.input ?? part.args)];
    case "tool_result":
    case "web_search_tool_result":
      return [result("", part.tool_use_id, unpacked(part.content))];
    case "tool-result":
      return [result(part.toolName, part.toolCallId, part.output ?? part.result)];
    default: {
      const file = filePart(part);
      if (file) return [{ kind: "file", file }];
    }
  }
  return geminiPart(part) ?? [{ kind: "other", value: part }];
}

/** Pictures and files of all providers. */
function filePart(part: Fields): FileRef | null {
  const nested = part.image_url ?? part.file ?? part.image ?? part.input_audio;
  const type =
    said(part.mediaType) || said(part.mimeType) || (/image/.test(said(part.type)) ? "image/*" : "");
  const name = said(part.filename) || said(part.title);
  if (isFields(part.source)) {
    const { data, media_type, url } = part.source;
    if (typeof data === "string") return dataFile(data, said(media_type), name);
    return fileOf(isFields(url) ? url : said(url), said(media_type), name) ?? fileOf(part.source);
  }
  if (typeof part.file_data === "string")
    return fileOf(part.file_data, type, name) ?? dataFile(part.file_data, type, name);
  if (isFields(nested)) {
    const inner = nested.url ?? nested.file_data ?? nested.data;
    const called = said(nested.filename) || name;
    const found = fileOf(nested, type, called) ?? fileOf(inner, type, called);
    if (found) return found;
    if (typeof nested.data === "string") return dataFile(nested.data, audioType(nested.format), called);
    if (typeof nested.file_id === "string") return { name: nested.file_id, type, source: { kind: "none" } };
    return null;
  }
  if (typeof nested === "string" || typeof part.data === "string") {
    const content = said(nested) || said(part.data);
    return fileOf(content, type, name) ?? (type ? dataFile(content, type, name) : null);
  }
  if (typeof part.file_url === "string") return fileOf(part.file_url, type, name);
  return typeof part.file_id === "string" ? { name: part.file_id, type, source: { kind: "none" } } : null;
}

function audioType(format: Json | undefined): string {
  return format ? `audio/${said(format)}` : "";
}

/** Parts of Gemini have no type: the member says what they are, in either spelling. */
function geminiPart(part: Fields): Part[] | null {
  const either = (camel: string, snake: string) => {
    const value = part[camel] ?? part[snake];
    return isFields(value) ? value : null;
  };
  if (typeof part.text === "string") {
    return [part.thought === true ? { kind: "reasoning", text: part.text } : text(part.text)];
  }
  const called = either("functionCall", "function_call");
  if (called) return [call(called.name, called.id, called.args)];
  const returned = either("functionResponse", "function_response");
  if (returned) return [result(returned.name, returned.id, returned.response)];
  const data = either("inlineData", "inline_data");
  if (data) {
    const type = said(data.mimeType) || said(data.mime_type);
    const file = fileOf(data.data, type) ?? dataFile(said(data.data), type);
    return [{ kind: "file", file }];
  }
  const stored = either("fileData", "file_data");
  if (stored) {
    const url = said(stored.fileUri) || said(stored.file_uri);
    const type = said(stored.mimeType) || said(stored.mime_type);
    return [{ kind: "file", file: fileOf(url, type) ?? { name: url, type, source: { kind: "none" } } }];
  }
  return null;
}

function reasoning(item: Fields): Part[] {
  const pieces = [item.summary, item.content].flatMap((list) => (Array.isArray(list) ? list : []));
  const texts = pieces.map((piece) => (isFields(piece) ? said(piece.text) : said(piece)));
  const own = said(item.text) || said(item.content);
  const whole = [...texts, own].filter((one) => one !== "").join("\n\n");
  if (whole === "")
    return item.encrypted_content ? [{ kind: "reasoning", text: "encrypted by the provider" }] : [];
  return [{ kind: "reasoning", text: whole }];
}

function toolCall(item: Json): Part {
  if (!isFields(item)) return { kind: "other", value: item };
  const inner = isFields(item.function) ? item.function : item;
  return call(inner.name, item.id, inner.arguments ?? inner.input);
}

function call(name: Json | undefined, id: Json | undefined, input: Json | undefined): Part {
  return { kind: "call", name: said(name), id: said(id), input: unpacked(input) };
}

function result(name: Json | undefined, id: Json | undefined, output: Json | undefined): Part {
  return { kind: "result", name: said(name), id: said(id), output: unpacked(output) };
}

/** JSON that was sent as text, such as arguments; anything else as it is. */
function unpacked(value: Json | undefined): Json {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value ?? null;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function itemOf(role: string, parts: readonly Part[]): Message {
  return { role, name: ITEM, finish: "", parts };
}

function made(role: string, parts: readonly Part[]): Message {
  return { role, name: "", finish: "", parts };
}

function text(text: string): Part {
  return { kind: "text", text };
}

function said(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
