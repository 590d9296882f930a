import { describe, expect, it } from "vitest";
import { decoded, fileName, fileOf, filesIn, isShown } from "./attachments";
import { messagesOf } from "./chat";

/** Messages in short: `role: kind …`. */
function short(value: unknown): string[] | null {
  const messages = messagesOf(value) ?? null;
  return messages === null
    ? null
    : messages.map(({ role, parts }) => `${role}: ${parts.map(({ kind }) => kind).join(" ")}`);
}

const CALL = { id: "c1", type: "function", function: { name: "tide", arguments: '{"at":"noon"}' } };

describe("messages of OpenAI", () => {
  it("are those of a chat, with calls and their results", () => {
    const input = [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "What is it?" }, image("https://example.org/a.png")] },
      { role: "assistant", content: null, tool_calls: [CALL] },
      { role: "tool", tool_call_id: "c1", content: '{"height":3}' },
    ];
    expect(short(input)).toEqual(["system: text", "user: text file", "assistant: call", "tool: result"]);
    expect(messagesOf(input)?.[2]?.parts[0]).toEqual({
      kind: "call",
      name: "tide",
      id: "c1",
      input: { at: "noon" },
    });
    expect(messagesOf(input)?.[3]?.parts[0]).toMatchObject({ id: "c1", output: { height: 3 } });
    expect(short({ model: "m", messages: input })).toEqual(short(input));
  });
  it("are those of an answer, whole or its choices", () => {
    const choice = {
      index: 0,
      finish_reason: "stop",
      message: { role: "assistant", content: "Noon.", refusal: null },
    };
    expect(messagesOf([choice])).toEqual([
      { role: "assistant", name: "", finish: "stop", parts: [{ kind: "text", text: "Noon." }] },
    ]);
    expect(messagesOf({ choices: [choice] })).toEqual(messagesOf([choice]));
    expect(short({ role: "assistant", refusal: "I may not.", content: null })).toEqual([
      "assistant: refusal",
    ]);
    expect(short([{ role: "assistant", reasoning_content: "hm", content: "x" }])).toEqual([
      "assistant: reasoning text",
    ]);
  });
  it("are the items of a response, joined to what one side says", () => {
    const output = [
      { type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "think" }] },
      { type: "function_call", call_id: "c1", name: "tide", arguments: "{}" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Noon." }] },
    ];
    expect(short(output)).toEqual(["assistant: reasoning call text"]);
    expect(short({ id: "resp", output })).toEqual(["assistant: reasoning call text"]);
    const input = [
      {
        role: "user",
        content: [
          { type: "input_text", text: "?" },
          { type: "input_image", image_url: "data:image/png;base64,AA==" },
        ],
      },
      { type: "function_call_output", call_id: "c1", output: "3 m" },
    ];
    expect(short({ instructions: "Be brief.", input })).toEqual([
      "system: text",
      "user: text file",
      "tool: result",
    ]);
  });
});

describe("messages of others", () => {
  it("are Anthropic's", () => {
    const body = {
      system: [{ type: "text", text: "Be brief." }],
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } },
            { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "3 m" }] },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm" },
            { type: "tool_use", id: "t", name: "tide", input: { at: 1 } },
          ],
        },
      ],
    };
    expect(short(body)).toEqual(["system: text", "user: file result", "assistant: reasoning call"]);
    const answer = { role: "assistant", stop_reason: "end_turn", content: [{ type: "text", text: "Noon." }] };
    expect(messagesOf(answer)?.[0]).toMatchObject({ finish: "end_turn", parts: [{ kind: "text" }] });
  });
  it("are Gemini's, in either spelling", () => {
    const body = {
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "?" }, { inline_data: { mime_type: "image/webp", data: "AAAA" } }] },
        { role: "model", parts: [{ functionCall: { name: "tide", args: { at: 1 } } }] },
        { role: "user", parts: [{ functionResponse: { name: "tide", response: { m: 3 } } }] },
      ],
    };
    expect(short(body)).toEqual(["system: text", "user: text file", "assistant: call", "user: result"]);
    const answer = {
      candidates: [
        {
          finishReason: "STOP",
          content: { role: "model", parts: [{ text: "a", thought: true }, { text: "b" }] },
        },
      ],
    };
    expect(short(answer)).toEqual(["assistant: reasoning text"]);
    expect(messagesOf(answer)?.[0]?.finish).toBe("STOP");
  });
  it("are those of Vercel's SDK", () => {
    const parts = [
      { type: "tool-call", toolCallId: "c", toolName: "tide", input: {} },
      { type: "file", data: "AAAA", mediaType: "application/pdf", filename: "a.pdf" },
    ];
    expect(short([{ role: "assistant", content: parts }])).toEqual(["assistant: call file"]);
  });
  it("keep parts that are not known", () => {
    expect(short([{ role: "user", content: [{ type: "hologram", x: 1 }, 7, "s"] }])).toEqual([
      "user: other other text",
    ]);
  });
});

describe("what is no message", () => {
  it.each([
    ["null", null],
    ["a text", "hello"],
    ["a number", 3],
    ["nothing", []],
    ["figures", [1, 2]],
    ["any object", { a: 1 }],
    ["a question with a role in it", { role: "admin" }],
    ["a list that is not all messages", [{ role: "user", content: "x" }, { a: 1 }]],
    ["an output of something else", { output: [{ row: 1 }] }],
  ])("is %s", (_, value) => expect(messagesOf(value)).toBeNull());
  it("is deeper than anybody needs", () => {
    let deep: unknown = "x";
    for (let at = 0; at < 5_000; at++) deep = { role: "user", content: [deep] };
    expect(messagesOf(deep)).toHaveLength(1);
  });
});

describe("files", () => {
  it("are attachments by key, by URL, or inline", () => {
    const attachment = {
      type: "braintrust_attachment",
      key: "k",
      filename: "a.png",
      content_type: "Image/PNG; x=1",
    };
    expect(fileOf(attachment)).toEqual({
      name: "a.png",
      type: "image/png",
      source: { kind: "key", key: "k" },
    });
    expect(
      short([{ role: "user", content: [{ type: "image_url", image_url: { url: attachment as never } }] }]),
    ).toEqual(["user: file"]);
    expect(fileOf({ type: "external_attachment", url: "https://e.org/b.pdf" })?.name).toBe("b.pdf");
    expect(fileOf("data:image/svg+xml;base64,AA==")).toMatchObject({ type: "image/svg+xml" });
    for (const no of ["javascript:alert(1)", "data:text/html,<script>", "s3://bucket/key", ""])
      expect(fileOf(no)).toBeNull();
  });
  it("are shown if they are pictures that cannot do anything", () => {
    expect(["image/png", "image/webp", "image/svg+xml", "text/html", "image/*", ""].map(isShown)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
  it("are found anywhere, each once", () => {
    const file = { type: "braintrust_attachment", key: "k" };
    expect(
      filesIn({ a: [file, { b: file }], c: "data:image/png;base64,AA==", d: "https://e.org/x.png" }),
    ).toHaveLength(2);
    expect(filesIn(Array.from({ length: 1000 }, (_, key) => ({ ...file, key: `${key}` })))).toHaveLength(50);
    expect(filesIn(null)).toEqual([]);
  });
  it("are bytes and have harmless names", () => {
    expect(decoded("-_8=")).toEqual(new Uint8Array([251, 255]));
    expect(decoded("!")).toBeNull();
    expect(fileName("../a\u202egnp.exe")).toBe("__a_gnp.exe");
    expect(fileName("")).toBe("attachment");
  });
});

function image(url: string) {
  return { type: "image_url", image_url: { url } };
}
