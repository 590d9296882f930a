// What an experiment is: whose, when, of which code, against which base, and ways on.

import type { ComponentChildren } from "preact";
import type { Experiment } from "../../api/types";
import { Tags } from "../../parts/Chips";
import { Copy } from "../../parts/Copy";
import { JsonView } from "../../parts/JsonView";
import { Menu } from "../../parts/Menu";
import { Running } from "../../parts/Running";
import { Time } from "../../parts/Time";
import { counted } from "../../pure/format";
import { path, safeLink } from "../../pure/path";
import { evaluationOf } from "../../pure/snippets";

export interface HeadProps {
  readonly org: string;
  readonly project: string;
  readonly experiment: Experiment;
  /** The same with sums, once they are there. */
  readonly sums: Experiment | null;
  readonly base: { readonly id: string; readonly name: string } | null;
}

/** Rows of a page of the route that fetches them. */
const EXPORT_ROWS = 1000;

export function Head({ org, project, experiment, sums, base }: HeadProps) {
  const { id, name, description, base_exp_id, metadata, tags } = experiment;
  const progress = sums?.progress;
  const shown = Object.keys(metadata ?? {}).length > 0;
  return (
    <header class="experiment-head">
      <div class="experiment-title">
        <h1 class="cut" title={name}>
          {name}
        </h1>
        {sums && <Running experiment={sums} />}
        <span class="space" />
        {base_exp_id && (
          <a class="button" href={path.compare(org, project, [id, base_exp_id])}>
            Compare <span class="wide-only">with base</span>
          </a>
        )}
        <a class="button" href={path.uploads(org, project, name)}>
          Uploads
        </a>
        <Menu label="Data" hint="take it elsewhere">
          <div class="menu-note">Run its cases again:</div>
          <pre class="snippet-code">{evaluationOf(project, name)}</pre>
          <div class="menu-line">
            <Copy label="Copy as Rust" text={() => evaluationOf(project, name)} />
            <Copy label="Copy id" text={id} />
          </div>
          <a
            class="menu-item"
            href={`/v1/experiment/${encodeURIComponent(id)}/fetch?limit=${EXPORT_ROWS}`}
            target="_blank"
            rel="noopener"
          >
            Rows as JSON{(sums?.rows ?? 0) > EXPORT_ROWS ? ", the first 1 000" : ""}
          </a>
        </Menu>
      </div>
      {progress?.running && (
        <div
          class="experiment-progress"
          role="progressbar"
          aria-label="cases done"
          aria-valuenow={sums?.cases}
          aria-valuemax={progress.planned}
        >
          <i
            style={{ width: `${Math.min((100 * (sums?.cases ?? 0)) / Math.max(progress.planned, 1), 100)}%` }}
          />
        </div>
      )}
      <div class="facts">
        <Time at={experiment.created} />
        <Who experiment={experiment} />
        <Commit experiment={experiment} />
        {sums && <Sums sums={sums} />}
        {base_exp_id && (
          <Fact name="base">
            {base ? (
              <a href={path.experiment(org, project, base.name)}>{base.name}</a>
            ) : (
              base_exp_id.slice(0, 8)
            )}
          </Fact>
        )}
        <Tags tags={tags} most={8} />
      </div>
      {description && <p class="experiment-about muted">{description}</p>}
      {shown && (
        <details class="experiment-metadata">
          <summary>Metadata, {counted(Object.keys(metadata ?? {}).length, "member")}</summary>
          <JsonView value={metadata} open={1} />
        </details>
      )}
    </header>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <span>
      <span class="faint">{name}</span> {children}
    </span>
  );
}

function Sums({ sums }: { readonly sums: Experiment }) {
  return (
    <>
      <span>{counted(sums.cases, "case")}</span>
      <span class={sums.errors > 0 ? "error" : "faint"}>{counted(sums.errors, "error")}</span>
    </>
  );
}

function Who({ experiment: { repo_info, user_id } }: { readonly experiment: Experiment }) {
  const who = repo_info?.author_name ?? user_id;
  return who ? <span title={repo_info?.author_email ?? undefined}>{who}</span> : null;
}

/** The commit; a link where the metadata says where its repository is. */
function Commit({ experiment: { commit, repo_info, metadata } }: { readonly experiment: Experiment }) {
  const id = commit ?? repo_info?.commit;
  if (!id) return null;
  const url = [metadata?.repo_url, metadata?.repository].find((one) => typeof one === "string");
  const link = typeof url === "string" ? safeLink(`${url.replace(/(\.git)?\/?$/, "")}/commit/${id}`) : null;
  const text = <span class="mono">{id.slice(0, 7)}</span>;
  return (
    <span title={[id, repo_info?.commit_message].filter(Boolean).join("\n")}>
      {repo_info?.branch && <span class="faint">{repo_info.branch} </span>}
      {link ? (
        <a href={link} target="_blank" rel="noopener noreferrer">
          {text}
        </a>
      ) : (
        text
      )}
      {repo_info?.dirty && (
        <span class="dirty" title="files had changes that were not committed">
          {" "}
          + changes
        </span>
      )}
    </span>
  );
}
