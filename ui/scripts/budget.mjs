// Fails if the bundle is larger than a page may be: bytes of JavaScript and CSS after gzip.
//
//   node scripts/budget.mjs
//
// The first page is what `index.html` names, what that imports at once, and the page of projects.

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const FIRST_PAGE_BYTES = 60 * 1024;
const TOTAL_BYTES = 200 * 1024;

const dist = new URL("../dist/", import.meta.url);
const files = readdirSync(new URL("assets/", dist)).filter((name) => /\.(js|css)$/.test(name));
const text = (name) => readFileSync(new URL(`assets/${name}`, dist), "utf8");
const bytes = (name) => gzipSync(text(name), { level: 9 }).length;

/** What a file imports statically, itself included. */
function closure(names, seen = new Set()) {
  for (const name of names) {
    if (seen.has(name) || !files.includes(name)) continue;
    seen.add(name);
    const imports = text(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g);
    closure(
      [...imports].map((found) => found[1]),
      seen,
    );
  }
  return seen;
}

const html = readFileSync(new URL("index.html", dist), "utf8");
const named = [...html.matchAll(/assets\/([^"]+)/g)].map((found) => found[1]);
const page = files.filter((name) => /^projects-.*\.(js|css)$/.test(name));
if (named.length === 0 || page.length === 0) {
  console.error("error: dist/ has no entry or no page of projects\nhint: npx vite build");
  process.exit(1);
}
const sum = (names) => [...names].reduce((total, name) => total + bytes(name), 0);
const first = sum(closure([...named, ...page]));
const total = sum(files.filter((name) => name.endsWith(".js")));

for (const name of files) console.log(`${String(bytes(name)).padStart(7)}  ${name}`);
console.log(`${String(first).padStart(7)}  first page, of ${FIRST_PAGE_BYTES}`);
console.log(`${String(total).padStart(7)}  all JavaScript, of ${TOTAL_BYTES}`);
if (first > FIRST_PAGE_BYTES || total > TOTAL_BYTES) {
  console.error("error: the bundle is over its budget\nhint: load what is rarely needed by `import()`");
  process.exit(1);
}
