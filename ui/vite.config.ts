import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vite";

// `npm run dev` shows the pages over the data of a server that runs already.
const server = process.env.TIDEGATE_URL ?? "http://127.0.0.1:8787";
const proxied = ["/api", "/v1", "/btql", "/logs3", "/attachment", "/experiment-comparison2", "/openapi.json"];

/** What of speedscope no page needs: its example, and the reader of Java's recordings. */
const LEFT_OUT = /^(perf-vertx-.*\.txt|jfrview_.*\.wasm)$/;

/** The viewer of profiles, as it was released, under `/speedscope/`. */
const speedscope = {
  name: "speedscope",
  apply: "build" as const,
  generateBundle(this: { emitFile: (file: object) => void }) {
    const home = new URL("node_modules/speedscope/", import.meta.url);
    const release = new URL("dist/release/", home);
    const emit = (name: string, from: URL) =>
      this.emitFile({ type: "asset", fileName: `speedscope/${name}`, source: readFileSync(from) });
    for (const name of readdirSync(release).sort()) {
      if (!LEFT_OUT.test(name)) emit(name, new URL(name, release));
    }
    emit("LICENSE", new URL("LICENSE", home));
  },
};

export default defineConfig({
  plugins: [speedscope],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: {
    proxy: Object.fromEntries(proxied.map((path) => [path, { target: server }])),
  },
  build: {
    // `light-dark()` and CSS nesting as they are.
    target: ["chrome123", "firefox128", "safari17.5"],
    // Nothing inline: the policy of the server allows files of its own only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
        // Chunks of pages are named after their folder: they are all `index` otherwise.
        chunkFileNames: ({ facadeModuleId }) => {
          const page = facadeModuleId?.match(/\/pages\/([^/]+)\/index\.tsx$/)?.[1];
          return `assets/${page ?? "[name]"}-[hash].js`;
        },
      },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
