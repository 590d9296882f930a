// Which experiments are compared, and in what they differ besides their results.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Tags } from "../../parts/Chips";
import { Copy } from "../../parts/Copy";
import { changesText, JsonDiff } from "../../parts/JsonDiff";
import { Time } from "../../parts/Time";
import { count, NONE } from "../../pure/format";
import { path } from "../../pure/path";
import { equal, type Json } from "../../pure/tree";
import { letter } from "./Figures";
import type { Run } from "./runs";

export interface HeadProps {
  readonly org: string;
  readonly project: string;
  readonly runs: readonly Run[];
  /** Makes another base the one looked at. */
  readonly onSwap: (index: number) => void;
}

/** Its name, what a run has of it, and whether any run has. */
type Fact = readonly [string, (run: Run) => ComponentChildren, unknown];

export function Head({ org, project, runs, onSwap }: HeadProps) {
  const all: readonly Fact[] = [
    ["Started", (run) => <Time at={run.created} />, true],
    ["Who", (run) => run.repo_info?.author_name ?? NONE, runs.some((run) => run.repo_info?.author_name)],
    ["Commit", (run) => <Commit run={run} />, runs.some((run) => run.commit)],
    ["Trials", (run) => (run.cases === undefined ? NONE : count(run.cases)), true],
    [
      "Failed",
      (run) => <span class={run.errors ? "error" : "faint"}>{count(run.errors ?? null)}</span>,
      runs.some((run) => run.errors),
    ],
    ["Tags", (run) => <Tags tags={run.tags} />, runs.some((run) => run.tags?.length)],
    [
      "About",
      (run) => <span title={run.description ?? ""}>{run.description ?? NONE}</span>,
      runs.some((run) => run.description),
    ],
  ];
  const facts = all.filter(([, , shown]) => shown);
  return (
    <div class="compare-head">
      <table>
        <thead>
          <tr>
            <th aria-label="fact" />
            {runs.map((run, index) => (
              <th key={run.id} scope="col">
                <span class="compare-name">
                  <span class="letter">{letter(index)}</span>
                  <a class="cut" href={path.experiment(org, project, run.name)}>
                    {run.name}
                  </a>
                  {index === 0 ? (
                    <span class="faint">current</span>
                  ) : (
                    <button
                      type="button"
                      class="button quiet small"
                      title={`look at ${letter(index)} with A as a base`}
                      onClick={() => onSwap(index)}
                    >
                      base ⇄
                    </button>
                  )}
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map(([name, fact]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {runs.map((run) => (
                <td key={run.id}>{fact(run)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {runs.slice(1).map((base, index) => (
        <Differs key={base.id} current={runs[0] as Run} base={base} index={index + 1} />
      ))}
    </div>
  );
}

function Commit({ run: { commit, repo_info } }: { readonly run: Run }) {
  if (!commit) return <span class="faint">{NONE}</span>;
  const title = [commit, repo_info?.branch && `branch ${repo_info.branch}`, repo_info?.commit_message];
  return (
    <span class="compare-commit" title={title.filter(Boolean).join("\n")}>
      <span class="mono">{commit.slice(0, 7)}</span>
      {repo_info?.dirty && <span class="faint">with changes</span>}
      <span class="cut muted">{repo_info?.commit_message?.split("\n")[0]}</span>
    </span>
  );
}

/** What may have made a difference, as one value to compare. */
function setting(run: Run): Json {
  const { metadata, description, dataset_id, dataset_version, repo_info, tags } = run;
  const { branch, dirty, author_name, commit_message } = repo_info ?? {};
  const all = {
    metadata: metadata as Json | null,
    description,
    dataset: dataset_id,
    dataset_version,
    branch,
    commit: run.commit,
    commit_message,
    uncommitted_changes: dirty,
    author: author_name,
    tags: tags?.length ? tags : null,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null)) as Json;
}

function Differs({ current, base, index }: { current: Run; base: Run; index: number }) {
  const open = useSignal(false);
  const [before, after] = [setting(base), setting(current)];
  const pair = `${letter(index)} → A`;
  if (equal(before, after)) {
    return <p class="differs faint">{pair}: same commit and settings, as far as they were recorded</p>;
  }
  const range =
    base.commit && current.commit && base.commit !== current.commit
      ? `git diff ${hex(base.commit)}..${hex(current.commit)}`
      : null;
  return (
    <div class="differs">
      <div class="differs-line">
        <button
          type="button"
          class="differs-toggle"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          <span class="faint" aria-hidden="true">
            {open.value ? "▾" : "▸"}
          </span>{" "}
          {pair}: {changesText(before, after)} of commit and settings
        </button>
        {range && (
          <>
            <code class="muted cut">{range.replace(/[0-9a-f]{40}/g, (hash) => hash.slice(0, 7))}</code>
            <Copy text={range} />
          </>
        )}
      </div>
      {open.value && <JsonDiff before={before} after={after} />}
    </div>
  );
}

/** Commits come from data: nothing else may get into a command that is pasted into a shell. */
function hex(commit: string): string {
  return /^[0-9a-f]{4,64}$/i.test(commit) ? commit : "HEAD";
}
