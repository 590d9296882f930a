// What a run was waiting for: its upload requests on a time axis, and the diagnosis.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { experimentNamed } from "../../api/lists";
import { profilePath, readProfile, readTimeline, speedscopePath } from "../../api/timeline";
import type { Experiment, Explanation } from "../../api/types";
import { Copy } from "../../parts/Copy";
import { useLoad, useNames, useTitle } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { useTimeAxis, useTimeKeys } from "../../parts/timeAxis";
import { Zoom } from "../../parts/Zoom";
import { facts, runName } from "../../pure/diagnosis";
import { path } from "../../pure/path";
import { type Picture, ProfileReader, type Request } from "../../pure/profile";
import { around } from "../../pure/view";
import { Chart } from "./Chart";
import { Figures, Findings } from "./Findings";
import { Requests } from "./Requests";
import "./uploads.css";

export default function Uploads() {
  const { org, project, experiment } = useNames();
  useTitle(`Uploads of ${experiment}`);
  const found = useLoad(
    async (end) => {
      const run = await experimentNamed(project, experiment, end);
      return { run, explanation: await readTimeline(run.id, end) };
    },
    [project, experiment],
  );
  // Another error of the same status would say that the experiment is gone.
  const none = found.error?.status === 404 && /profile/.test(found.error.message);
  if (none) {
    return (
      <Empty title="This run has no profile">
        <p>
          A profile says what happened when: spans, upload requests, what waited for them. It costs the run
          next to nothing, and the collector keeps it with the experiment:
        </p>
        <pre>tidegate eval eval.toml --profile run.jsonl</pre>
        <p>
          In Rust, <code>Eval::profile(path)</code> does the same. Of any other client the server can record
          the requests it sees, with <code>tidegate serve --record-requests FILE</code>;{" "}
          <code>tidegate timeline FILE</code> shows them.
        </p>
        <p>
          <a href={path.experiment(org, project, experiment)}>Back to the experiment</a>
        </p>
      </Empty>
    );
  }
  if (found.error && !found.value) return <Failed error={found.error} onAgain={found.again} />;
  if (!found.value) {
    return (
      <div class="page">
        <Skeleton rows={12} />
      </div>
    );
  }
  const { run, explanation } = found.value;
  return <View key={run.id} run={run} explanation={explanation} />;
}

function View({ run, explanation }: { readonly run: Experiment; readonly explanation: Explanation }) {
  const picture = useLoad(
    async (end) => {
      const reader = new ProfileReader(explanation.start_us);
      await readProfile(run.id, (line) => reader.line(line), end);
      return reader.picture();
    },
    [run.id],
  );
  return (
    <div class="uploads">
      <header class="up-head">
        <h1 class="cut">{runName(explanation)}</h1>
        <p class="up-facts">
          {facts(explanation).map(([figure, what]) => (
            <span key={what}>
              <strong>{figure}</strong> <span class="faint">{what}</span>
            </span>
          ))}
        </p>
        <Ways run={run} />
      </header>
      <Findings explanation={explanation} />
      {picture.value ? (
        <Drawn picture={picture.value} explanation={explanation} />
      ) : picture.error ? (
        <Failed error={picture.error} onAgain={picture.again} inline />
      ) : (
        <Skeleton height={240} />
      )}
      <Figures explanation={explanation} />
      {picture.value && <Commands />}
    </div>
  );
}

function Drawn({ picture, explanation }: { readonly picture: Picture; readonly explanation: Explanation }) {
  const whole = useMemo(
    () => ({ from: 0, to: Math.max(explanation.wall_us / 1e6, picture.end, 1e-6) }),
    [picture, explanation],
  );
  const axis = useTimeAxis(whole);
  useTimeKeys(axis);
  const picked = useSignal<Request | null>(null);
  return (
    <>
      <div class="toolbar">
        <span class="faint small up-hint">
          Figures in bars are rows. Drag to look closer, double click for all of it
        </span>
        <span class="space" />
        <Legend picture={picture} />
        <Zoom axis={axis} />
      </div>
      <Chart picture={picture} axis={axis} picked={picked} />
      {picture.requests.length > 0 && (
        <Requests
          requests={picture.requests}
          picked={picked}
          onShow={({ queued, start, end }) => axis.show(around(Math.min(queued, start), end, whole))}
        />
      )}
    </>
  );
}

function Legend({ picture }: { readonly picture: Picture }) {
  const failed = picture.requests.some(({ status }) => status === null || status < 200 || status > 299);
  const retried = picture.requests.some(({ attempt }) => attempt > 0);
  if (!failed && !retried) return null;
  return (
    <span class="up-legend small">
      <span class="accepted">accepted</span>
      {retried && <span class="retried">retry, accepted</span>}
      {failed && <span class="failed">✕ failed</span>}
    </span>
  );
}

/** The same profile elsewhere. */
function Ways({ run }: { readonly run: Experiment }) {
  const viewer = useMemo(() => {
    const profile = new URL(speedscopePath(run.id), window.location.origin).href;
    return `/speedscope/#profileURL=${encodeURIComponent(profile)}&title=${encodeURIComponent(run.name)}`;
  }, [run]);
  return (
    <p class="up-ways">
      <a
        class="button"
        href={viewer}
        target="_blank"
        rel="noopener"
        title="lanes and task slots as a flame chart"
      >
        Open in speedscope
      </a>
      <a class="button" href={profilePath(run.id)} download={`${fileName(run.name)}.jsonl`}>
        Download profile
      </a>
      <a class="button" href={speedscopePath(run.id)} download={`${fileName(run.name)}.speedscope.json`}>
        Speedscope file
      </a>
    </p>
  );
}

function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "run";
}

/** What only the command line does, for the downloaded file. */
const COMMANDS: readonly (readonly [string, string])[] = [
  ["how long it would have taken otherwise", "tidegate timeline run.jsonl --what-if lanes=16"],
  ["for Perfetto", "tidegate timeline run.jsonl --format perfetto -o run.perfetto.json"],
  ["as a picture", "tidegate timeline run.jsonl --format svg -o run.svg"],
];

function Commands() {
  return (
    <section class="up-commands" aria-label="more from the command line">
      <h3>With the downloaded profile, on the command line</h3>
      {COMMANDS.map(([what, command]) => (
        <div key={command}>
          <span class="faint">{what}</span>
          <code>{command}</code>
          <Copy text={command} />
        </div>
      ))}
    </section>
  );
}
