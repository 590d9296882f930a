// One trace: its spans as a tree with bars, and everything about the one that is selected.

import { useEffect, useMemo } from "preact/hooks";
import { useRoute } from "preact-iso";
import { subscribe } from "../../api/events";
import { experimentNamed, projectNamed } from "../../api/lists";
import { useLoad, useNames, useTitle } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { path } from "../../pure/path";
import { label } from "../../pure/trace";
import { TraceLoad, type TraceOf } from "./load";
import { View } from "./View";
import "./trace.css";

export default function Trace() {
  const { org, project, experiment, root = "" } = useNames();
  const inLogs = useRoute().path.includes("/logs/trace/");
  const object = useLoad<TraceOf & { name: string }>(
    async (end) => {
      if (inLogs) {
        const { id } = await projectNamed(project, end);
        return { kind: "project_logs", id, root, name: project };
      }
      const { id, name } = await experimentNamed(project, experiment, end);
      return { kind: "experiment", id, root, name };
    },
    [inLogs, project, experiment, root],
  );
  const of = object.value?.root === root ? object.value : null;
  const load = useMemo(() => (of ? new TraceLoad(of) : null), [of]);
  useEffect(() => {
    if (!load || !of) return;
    void load.read();
    const watched: Record<string, string> =
      of.kind === "experiment" ? { experiment_id: of.id } : { project_id: of.id };
    // Of a project, changes of its experiments are told too.
    const end = subscribe(watched, (happened) => {
      const mine = happened.some(({ data }) => data.object_id === undefined || data.object_id === of.id);
      if (happened.length === 0 || mine) void load.touched();
    });
    return () => {
      end();
      load.close();
    };
  }, [load, of]);

  const tree = load?.tree.value;
  const name = tree?.spans[0]?.name;
  useTitle(name ? `${label(name, 60)} · trace` : "Trace");
  const error = object.error ?? load?.error.value ?? null;
  const back = inLogs ? path.logs(org, project) : path.experiment(org, project, experiment);
  const missing = tree?.spans.length === 0 && (load?.version.value || load?.error.value?.status === 404);
  if (error && !tree?.spans.length && !missing) {
    return (
      <div class="page">
        <Failed error={error} onAgain={() => (object.error ? object.again() : void load?.read())} />
      </div>
    );
  }
  if (!load || !of || !tree || (tree.spans.length === 0 && !missing)) {
    return (
      <div class="page">
        <Skeleton rows={16} />
      </div>
    );
  }
  if (tree.spans.length === 0) {
    return (
      <div class="page">
        <Empty title="There is no such trace">
          <p>
            No row of {inLogs ? "these logs" : "this experiment"} belongs to the trace{" "}
            <code>{label(root, 80)}</code>. It may have been deleted.{" "}
            <a href={back}>{inLogs ? "All logs" : "All cases"}</a>
          </p>
        </Empty>
      </div>
    );
  }
  return <View of={of} load={load} tree={tree} />;
}
