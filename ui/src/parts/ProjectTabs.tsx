// The parts of a project, above each of its lists.

import { path } from "../pure/path";
import { Tabs } from "./Tabs";

export interface ProjectTabsProps {
  readonly org: string;
  readonly project: string;
  readonly at: "experiments" | "logs" | "datasets";
}

export function ProjectTabs({ org, project, at }: ProjectTabsProps) {
  return (
    <Tabs
      label="parts of the project"
      at={at}
      tabs={[
        { id: "experiments", text: "Experiments", href: path.project(org, project) },
        { id: "logs", text: "Logs", href: path.logs(org, project) },
        { id: "datasets", text: "Datasets", href: path.datasets(org, project) },
      ]}
    />
  );
}
