// Measures how soon a page is there: first contentful paint, and the first rows of its table.
//
//   node scripts/opening.mjs URL...
//
// Each URL is opened five times, each time by a browser that has nothing cached. Needs playwright-core in the
// present directory and Debian's Chromium (or CHROMIUM). Prints a line of JSON for each: medians and all
// values in milliseconds.

import { createRequire } from "node:module";
import path from "node:path";

const { chromium } = createRequire(path.resolve("package.json"))("playwright-core");
const TIMES = 5;
const urls = process.argv.slice(2);
if (urls.length === 0) {
  console.error("error: no URL\nhint: node scripts/opening.mjs http://127.0.0.1:8787/app/…");
  process.exit(2);
}

for (const url of urls) {
  const [painted, rows] = [[], []];
  for (let time = 0; time < TIMES; time += 1) {
    const one = await open(url);
    painted.push(one.painted);
    rows.push(one.rows);
  }
  console.log(JSON.stringify({ url, firstPaint: median(painted), firstRows: median(rows), painted, rows }));
}

async function open(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    // Not the start of a process for pages, which every first tab pays.
    await page.goto("about:blank");
    const began = performance.now();
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForSelector(".table .row:not(.bones)", { timeout: 20_000 });
    const rows = Math.round(performance.now() - began);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    const painted = await page.evaluate(
      () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
    );
    return { painted: Math.round(painted), rows };
  } finally {
    await browser.close();
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
