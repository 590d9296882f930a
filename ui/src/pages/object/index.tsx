// A link that names a row by ids: finds it and goes to its trace, or to its dataset.

import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ApiError } from "../../api/error";
import { locate } from "../../api/rows";
import type { ObjectLocation } from "../../api/types";
import { useLoad, useNames, useQuery, useTitle } from "../../parts/hooks";
import { Failed, Skeleton } from "../../parts/states";
import { path } from "../../pure/path";

export default function ObjectLink() {
  const { org } = useNames();
  const { route } = useLocation();
  const [query] = useQuery();
  useTitle("Row");
  const [type, object, id] = ["object_type", "object_id", "id"].map((name) => query.get(name) ?? "") as [
    string,
    string,
    string,
  ];
  const found = useLoad(
    async (end) => {
      if (!type || !object) {
        throw new ApiError(
          404,
          "this link names no object",
          "It needs object_type and object_id; copy the whole of it.",
        );
      }
      return await locate({ object_type: type, object_id: object, id: id || undefined }, end);
    },
    [type, object, id],
  );
  const to = found.value && placeOf(org, found.value);
  useEffect(() => {
    // In its place: the button back must not lead here again.
    if (to) route(to, true);
  }, [to]);
  if (found.error) return <Failed error={found.error} onAgain={found.again} />;
  return (
    <div class="page">
      <Skeleton rows={12} />
    </div>
  );
}

function placeOf(org: string, { object_type: type, project, name, row }: ObjectLocation): string {
  const at = (page: string) => (row?.span_id ? `${page}?s=${encodeURIComponent(row.span_id)}` : page);
  if (type === "experiment" && name !== null) {
    return row
      ? at(path.trace(org, project.name, name, row.root_span_id))
      : path.experiment(org, project.name, name);
  }
  if (type === "dataset" && name !== null) {
    const page = path.dataset(org, project.name, name);
    return row ? `${page}?row=${encodeURIComponent(row.id)}` : page;
  }
  return row ? at(path.logTrace(org, project.name, row.root_span_id)) : path.logs(org, project.name);
}
