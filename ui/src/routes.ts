// All pages. A page is a folder under `pages/` whose `index.tsx` exports a component as `default`; each is
// loaded when it is first visited.

import type { ComponentType } from "preact";

export interface PageRoute {
  /** `:name` is one segment, read with `useNames()`. */
  readonly path: string;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
}

export const routes: readonly PageRoute[] = [
  { path: "/", load: () => import("./pages/projects") },
  { path: "/login", load: () => import("./pages/login") },
  { path: "/app/:org/p/:project", load: () => import("./pages/project") },
  {
    path: "/app/:org/p/:project/experiments/:experiment/trace/:root",
    load: () => import("./pages/trace"),
  },
  { path: "/app/:org/p/:project/logs/trace/:root", load: () => import("./pages/trace") },
  { path: "/app/:org/p/:project/experiments/:experiment/uploads", load: () => import("./pages/uploads") },
  { path: "/app/:org/object", load: () => import("./pages/object") },
  {
    path: "/app/:org/p/:project/experiments/:experiment",
    load: () => import("./pages/experiment"),
  },
  { path: "/app/:org/p/:project/compare", load: () => import("./pages/compare") },
  { path: "/app/:org/p/:project/logs", load: () => import("./pages/logs") },
  { path: "/app/:org/p/:project/datasets", load: () => import("./pages/datasets") },
  { path: "/app/:org/p/:project/datasets/:dataset", load: () => import("./pages/dataset") },
  { path: "/app/:org/settings/keys", load: () => import("./pages/keys") },
];
