// Addresses of pages. Names may hold anything, so each is one encoded segment.

const segment = encodeURIComponent;

export const path = {
  projects: () => "/",
  project: (org: string, project: string) => `/app/${segment(org)}/p/${segment(project)}`,
  experiment: (org: string, project: string, experiment: string) =>
    `${path.project(org, project)}/experiments/${segment(experiment)}`,
  uploads: (org: string, project: string, experiment: string) =>
    `${path.experiment(org, project, experiment)}/uploads`,
  trace: (org: string, project: string, experiment: string, root: string) =>
    `${path.experiment(org, project, experiment)}/trace/${segment(root)}`,
  compare: (org: string, project: string, ids: readonly string[]) =>
    `${path.project(org, project)}/compare?${ids.map((id) => `e=${segment(id)}`).join("&")}`,
  logs: (org: string, project: string) => `${path.project(org, project)}/logs`,
  logTrace: (org: string, project: string, root: string) =>
    `${path.logs(org, project)}/trace/${segment(root)}`,
  datasets: (org: string, project: string) => `${path.project(org, project)}/datasets`,
  dataset: (org: string, project: string, dataset: string) =>
    `${path.datasets(org, project)}/${segment(dataset)}`,
  object: (org: string, type: string, id: string, row: string) =>
    `/app/${segment(org)}/object?object_type=${segment(type)}&object_id=${segment(id)}&id=${segment(row)}`,
  keys: (org: string) => `/app/${segment(org)}/settings/keys`,
  login: (to: string) => `/login?to=${segment(to)}`,
};

/** Where to go after the login: a path of these pages, whatever the query says. */
export function safeTarget(to: string | null | undefined): string {
  // `//host` and `/\host` are other places.
  return to && /^\/(?![/\\])/.test(to) && !/[\r\n\t]/.test(to) ? to : "/";
}

/** Links from data: only these schemes are followed. */
export function safeLink(text: string): string | null {
  return /^https?:\/\/[^\s"'<>]+$/i.test(text) ? text : null;
}

export interface Crumb {
  readonly text: string;
  /** Absent for the page itself. */
  readonly href?: string;
}

/** The way to a page: organisation, project, and what is shown of it. */
export function crumbs(pathname: string): Crumb[] {
  const parts = pathname.split("/").filter(Boolean).map(decoded);
  if (parts[0] !== "app" || !parts[1])
    return pathname === "/login" ? [{ text: "Log in" }] : [{ text: "Projects" }];
  const org = parts[1];
  const way: Crumb[] = [{ text: org, href: path.projects() }];
  if (parts[2] === "settings") return [...way, { text: parts[3] ?? "settings" }];
  if (parts[2] !== "p" || !parts[3]) return way;
  const project = parts[3];
  way.push({ text: project, href: path.project(org, project) });
  const [kind, name, sub, id] = parts.slice(4);
  if (kind === "experiments" && name) {
    way.push({ text: name, href: path.experiment(org, project, name) });
    if (sub) way.push({ text: sub });
    if (id) way.push({ text: id.slice(0, 8) });
  } else if (kind === "datasets" && name) {
    way.push({ text: "datasets", href: path.datasets(org, project) }, { text: name });
  } else if (kind === "logs" && sub) {
    way.push({ text: "logs", href: path.logs(org, project) }, { text: "trace" }, { text: sub.slice(0, 8) });
  } else if (kind) {
    way.push({ text: kind });
  }
  const last = way.pop() as Crumb;
  return [...way, { text: last.text }];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
