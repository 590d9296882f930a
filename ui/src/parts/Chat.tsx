// Messages of a language model as a conversation.

import { useSignal } from "@preact/signals";
import type { Message, Part } from "../pure/chat";
import { bytes, counted } from "../pure/format";
import { label } from "../pure/trace";
import { Attachment } from "./Attachment";
import "../style/chat.css";
import { JsonView } from "./JsonView";

/** Messages shown at first, from the end: the last ones are what a call is about. */
const CUT = 40;
/** Characters of a text shown at first. */
const TEXT_CUT = 6_000;

export function Chat({ messages }: { readonly messages: readonly Message[] }) {
  const all = useSignal(false);
  const hidden = all.value ? 0 : Math.max(messages.length - CUT, 0);
  return (
    <div class="chat">
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet small"
          onClick={() => {
            all.value = true;
          }}
        >
          Show {counted(hidden, "earlier message")}
        </button>
      )}
      {messages.slice(hidden).map((message, index) => (
        <OneMessage key={hidden + index} message={message} />
      ))}
    </div>
  );
}

const ROLES = ["system", "developer", "user", "assistant", "tool"];

function OneMessage({ message: { role, name, finish, parts } }: { readonly message: Message }) {
  return (
    <div class={`message ${ROLES.includes(role) ? role : "other"}`}>
      <div class="message-role">
        {label(role, 40)}
        {name && <bdi class="faint"> {label(name, 80)}</bdi>}
        {finish && finish !== "stop" && <span class="faint"> · ended by {label(finish, 40)}</span>}
      </div>
      {parts.length === 0 && <span class="faint">empty</span>}
      {parts.map((part, index) => (
        <OnePart key={index} part={part} />
      ))}
    </div>
  );
}

function OnePart({ part }: { readonly part: Part }) {
  switch (part.kind) {
    case "text":
      return <Prose text={part.text} />;
    case "refusal":
      return (
        <div class="message-part refusal">
          <span class="message-what">refusal</span>
          <Prose text={part.text} />
        </div>
      );
    case "reasoning":
      return (
        <details class="message-part">
          <summary>
            reasoning <span class="faint">{bytes(part.text.length)}</span>
          </summary>
          <Prose text={part.text} />
        </details>
      );
    case "call":
      return (
        <div class="message-part">
          <Head what="calls" name={part.name} id={part.id} />
          <JsonView value={part.input} open={2} />
        </div>
      );
    case "result":
      return (
        <div class="message-part">
          <Head what="result" name={part.name} id={part.id} />
          <JsonView value={part.output} open={1} />
        </div>
      );
    case "file":
      return <Attachment file={part.file} />;
    case "other":
      return (
        <div class="message-part">
          <JsonView value={part.value} open={1} />
        </div>
      );
  }
}

function Head({ what, name, id }: { readonly what: string; readonly name: string; readonly id: string }) {
  return (
    <div class="message-head">
      <span class="message-what">{what}</span>
      {name && <bdi class="mono">{label(name, 120)}</bdi>}
      {id && (
        <bdi class="faint mono cut" title="id of the call">
          {label(id, 80)}
        </bdi>
      )}
    </div>
  );
}

/** A text as it was written: never markup, since anybody may have written it. */
function Prose({ text }: { readonly text: string }) {
  const all = useSignal(false);
  const cut = !all.value && text.length > TEXT_CUT;
  return (
    <div class="prose" dir="auto">
      {cut ? text.slice(0, TEXT_CUT) : text}
      {cut && (
        <>
          …{" "}
          <button
            type="button"
            class="button quiet small"
            onClick={() => {
              all.value = true;
            }}
          >
            Show all, {bytes(text.length)}
          </button>
        </>
      )}
    </div>
  );
}
