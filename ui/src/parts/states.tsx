// What a page shows when it has nothing to show: not yet, nothing there, or a failure.

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/error";

export interface EmptyProps {
  readonly title: string;
  /** What to do next. */
  readonly children?: ComponentChildren;
}

/** Nothing there, and what to do about it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export interface FailedProps {
  readonly error: ApiError;
  readonly onAgain?: () => void;
  /** Drops what the address asks for; shown when that is what was refused. */
  readonly onReset?: () => void;
  /** A line beside what is there already, instead of in its place. */
  readonly inline?: boolean;
}

/** What failed, why, and a way on. */
export function Failed({ error, onAgain, onReset, inline }: FailedProps) {
  return (
    <div class={inline ? "failed-line" : "state failed"} role="alert">
      {inline ? <strong>{error.message}</strong> : <h2>{error.message}</h2>}
      <p>{error.hint}</p>
      {onReset && error.status === 400 ? (
        <button type="button" class="button" onClick={onReset}>
          Reset
        </button>
      ) : (
        onAgain && (
          <button type="button" class="button" onClick={onAgain}>
            Try again
          </button>
        )
      )}
      {error.requestId && !inline && <p class="faint small">request {error.requestId}</p>}
    </div>
  );
}

export interface SkeletonProps {
  /** Rows of a table in the making; 8 by default. */
  readonly rows?: number;
  /** A block of this height in pixels instead of rows. */
  readonly height?: number;
}

/** The outline of what comes, at its place, so that nothing jumps. */
export function Skeleton({ rows = 8, height }: SkeletonProps) {
  if (height) return <div class="bone block" style={{ height: `${height}px` }} />;
  return (
    <div class="skeleton" role="status" aria-label="loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="skeleton-row">
          <span class="bone" style={{ width: `${[38, 26, 44, 31][row % 4]}%` }} />
          <span class="bone" style={{ width: "9%" }} />
          <span class="bone" style={{ width: "12%" }} />
        </div>
      ))}
    </div>
  );
}
