// Parts of a page, each with its own address.

import type { ComponentChildren } from "preact";

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly { readonly id: string; readonly text: ComponentChildren; readonly href: string }[];
  /** Id of the one that is shown. */
  readonly at: string;
}

export function Tabs({ label, tabs, at }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ id, text, href }) => (
        <a key={id} href={href} aria-current={id === at ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}

export interface SwitchProps<T extends string> {
  readonly label: string;
  readonly choices: readonly { readonly id: T; readonly text: ComponentChildren; readonly hint?: string }[];
  readonly at: T;
  readonly onChoose: (id: T) => void;
}

/** One of a few choices, all seen at once. */
export function Switch<T extends string>({ label, choices, at, onChoose }: SwitchProps<T>) {
  return (
    <div class="switch" role="group" aria-label={label}>
      {choices.map(({ id, text, hint }) => (
        <button key={id} type="button" title={hint} aria-pressed={id === at} onClick={() => onChoose(id)}>
          {text}
        </button>
      ))}
    </div>
  );
}
