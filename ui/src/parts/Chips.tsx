// Filters in force, each with a way to lift it.

import { tagsOf } from "../api/shapes";

export interface Chip {
  readonly id: string;
  readonly text: string;
  readonly hint?: string;
}

export interface ChipsProps {
  readonly chips: readonly Chip[];
  readonly onRemove: (id: string) => void;
  /** Shown when there are several. */
  readonly onClear?: () => void;
}

export function Chips({ chips, onRemove, onClear }: ChipsProps) {
  if (chips.length === 0) return null;
  return (
    <div class="chips" role="group" aria-label="filters">
      {chips.map(({ id, text, hint }) => (
        <span key={id} class="chip" title={hint}>
          <span class="cut">{text}</span>
          <button type="button" aria-label={`remove ${text}`} onClick={() => onRemove(id)}>
            ✕
          </button>
        </span>
      ))}
      {onClear && chips.length > 1 && (
        <button type="button" class="button quiet small" onClick={onClear}>
          Clear
        </button>
      )}
    </div>
  );
}

/** Tags of something, at most `most` of them. */
export function Tags({
  tags: recorded,
  most = 4,
}: {
  /** As recorded: usually texts. */
  readonly tags: unknown;
  readonly most?: number;
}) {
  const tags = tagsOf(recorded);
  if (!tags) return null;
  return (
    <span class="tags" title={tags.join(", ")}>
      {tags.slice(0, most).map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
      {tags.length > most && <span class="faint">+{tags.length - most}</span>}
    </span>
  );
}
