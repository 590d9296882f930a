import { defineConfig } from "vite";

// `npm run dev` shows the pages over the data of a server that runs already.
const server = process.env.TIDEGATE_URL ?? "http://127.0.0.1:8787";
const proxied = ["/api", "/v1", "/btql", "/logs3", "/attachment", "/experiment-comparison2", "/openapi.json"];

export default defineConfig({
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
