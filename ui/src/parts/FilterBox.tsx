// A field that narrows a list while one types.

import { useEffect, useRef } from "preact/hooks";
import { useLatest } from "./hooks";
import { useKeys } from "./keyboard";

export interface FilterBoxProps {
  readonly value: string;
  /** Called when typing pauses for 150 ms, on Enter, and when it is cleared. */
  readonly onValue: (value: string) => void;
  readonly placeholder: string;
}

const PAUSE_MS = 150;

export function FilterBox({ value, onValue, placeholder }: FilterBoxProps) {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useLatest(onValue);
  useKeys([
    {
      keys: ["f"],
      what: "filter the list",
      run: () => {
        field.current?.focus();
        field.current?.select();
      },
    },
  ]);
  useEffect(() => {
    // The address changed by other means, such as the button back.
    if (field.current && document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (text: string) => {
    clearTimeout(timer.current);
    latest.current(text);
  };
  return (
    <input
      ref={field}
      class="input"
      type="search"
      aria-label={placeholder}
      placeholder={placeholder}
      defaultValue={value}
      spellcheck={false}
      autocomplete="off"
      onInput={({ currentTarget: { value: text } }) => {
        clearTimeout(timer.current);
        timer.current = setTimeout(() => tell(text), text === "" ? 0 : PAUSE_MS);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") tell(event.currentTarget.value);
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
