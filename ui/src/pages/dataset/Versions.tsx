// Which version is read, and since which one changes are shown.

import { Menu } from "../../parts/Menu";
import { count } from "../../pure/format";
import { absolute } from "../../pure/time";
import { xactTime } from "../../pure/versions";
import type { Version } from "./read";

export interface VersionsProps {
  /** Newest first. */
  readonly versions: readonly Version[];
  /** Null is the present. */
  readonly version: string | null;
  readonly since: string | null;
  readonly onVersion: (xact: string | null) => void;
  readonly onSince: (xact: string | null) => void;
}

/** `first import`, or when it was. */
export function versionName(versions: readonly Version[], xact: string): string {
  const known = versions.find((one) => one.xact === xact);
  if (known?.names[0]) return known.names[0];
  const at = known ? new Date(known.created) : xactTime(xact);
  return at ? absolute(at).slice(0, 19) : xact;
}

export function Versions({ versions, version, since, onVersion, onSince }: VersionsProps) {
  const known = version === null || versions.some(({ xact }) => xact === version);
  // Changes lead from an older one to what is read.
  const older = versions.filter(({ xact }) => version === null || xact < version);
  return (
    <>
      <Menu label="Version" hint="read the dataset as it was">
        <Choice chosen={version === null} onChoose={() => onVersion(null)}>
          <span>Current</span>
        </Choice>
        {!known && (
          <Choice chosen onChoose={() => {}}>
            <span class="mono">{version}</span>
          </Choice>
        )}
        {versions.map((one) => (
          <Choice key={one.xact} chosen={one.xact === version} onChoose={() => onVersion(one.xact)}>
            <About version={one} />
          </Choice>
        ))}
        {versions.length === 0 && <p class="menu-note faint">No earlier version is known.</p>}
      </Menu>
      {older.length > 0 && (
        <Menu label="Changes since" hint="what was added, removed and changed since a version">
          {since !== null && (
            <Choice chosen={false} onChoose={() => onSince(null)}>
              <span>All rows</span>
            </Choice>
          )}
          {older.map((one) => (
            <Choice key={one.xact} chosen={one.xact === since} onChoose={() => onSince(one.xact)}>
              <About version={one} />
            </Choice>
          ))}
        </Menu>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly chosen: boolean;
  readonly onChoose: () => void;
  readonly children: preact.ComponentChildren;
}

function Choice({ chosen, onChoose, children }: ChoiceProps) {
  return (
    <button type="button" class="menu-item version" aria-pressed={chosen} onClick={onChoose}>
      <span class="version-mark" aria-hidden="true">
        {chosen ? "✓" : ""}
      </span>
      {children}
    </button>
  );
}

function About({ version: { created, changed, deleted, names } }: { readonly version: Version }) {
  return (
    <>
      <span>{absolute(new Date(created)).slice(0, 19)}</span>
      <span class="version-names cut">{names.join(", ")}</span>
      {changed !== null && (
        <span class="faint">
          {count(changed)} written{deleted ? `, ${count(deleted)} deleted` : ""}
        </span>
      )}
    </>
  );
}
