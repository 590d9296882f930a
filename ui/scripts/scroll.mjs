// Measures a long table as a person moves through it: main-thread work per frame while the wheel turns and
// while the thumb of the scroll bar is dragged, and how soon the page is there.
//
//   node scripts/scroll.mjs URL [--load]
//
// The URL is of a page with a table, such as an experiment after `tidegate bench fill --cases 100000`.
// With --load all rows are loaded before anything is measured. Needs playwright-core in the present directory
// and Debian's Chromium (or CHROMIUM). Prints JSON; times are milliseconds.

import { createRequire } from "node:module";
import path from "node:path";

const { chromium } = createRequire(path.resolve("package.json"))("playwright-core");
const [url, ...flags] = process.argv.slice(2);
if (!url) {
  console.error("error: no URL\nhint: node scripts/scroll.mjs http://127.0.0.1:8787/app/…");
  process.exit(2);
}
const FRAMES = 240;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
  // There must be a thumb to drag.
  ignoreDefaultArgs: ["--hide-scrollbars"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        globalThis.longTasks.push([startTime, duration]);
    }).observe({ type: "longtask", buffered: true });
  });
  let rowsSeen = 0;
  const opening = await traced(async () => {
    const began = Date.now();
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForSelector(".table .row:not(.bones)");
    rowsSeen = Date.now() - began;
    await page.waitForTimeout(1000);
  });
  const firstPaint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  );
  const { wall, cpu } = frames(opening);
  const opened = { firstPaint, rowsSeen, longestTask: wall.longestTask, longestTaskCpu: cpu.longestTask };
  const result = { rows: await rowCount(page), opened };
  if (flags.includes("--load")) result.loading = await loadAll(page);
  result.wheel = await measured(page, wheel);
  result.drag = await measured(page, drag);
  console.log(JSON.stringify(result, null, 2));
} finally {
  await browser.close();
}

function rowCount(page) {
  return page.evaluate(() => Number(document.querySelector(".table").ariaRowCount) - 1);
}

async function loadAll(page) {
  const began = Date.now();
  await page.evaluate(() => {
    globalThis.longTasks.length = 0;
    document.querySelector(".table").scrollTop = 1e9;
  });
  await page.waitForFunction(
    () => {
      const rows = [...document.querySelectorAll(".table .row")];
      return rows.length > 0 && rows.every((row) => !row.classList.contains("bones"));
    },
    undefined,
    { timeout: 300_000, polling: 200 },
  );
  const longest = await page.evaluate(() => Math.max(0, ...globalThis.longTasks.map(([, took]) => took)));
  await page.evaluate(() => {
    document.querySelector(".table").scrollTop = 0;
  });
  await page.waitForTimeout(500);
  return { took: Date.now() - began, longest };
}

async function box(page) {
  return page.evaluate(() => {
    const table = document.querySelector(".table");
    const { left, right, top, bottom } = table.getBoundingClientRect();
    return { left, right, top, bottom, bar: table.offsetWidth - table.clientWidth, at: table.scrollTop };
  });
}

async function wheel(page) {
  const { left, top } = await box(page);
  await page.mouse.move(left + 300, top + 200);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    await page.mouse.wheel(0, 120);
    await page.waitForTimeout(12);
  }
}

async function drag(page) {
  await page.evaluate(() => {
    document.querySelector(".table").scrollTop = 0;
  });
  await page.waitForTimeout(300);
  const { right, top, bottom, bar } = await box(page);
  // Where the thumb is at first: below the button of the bar, where there is one.
  const [x, from, to] = [right - bar / 2, top + bar + 11, bottom - 40];
  await page.mouse.move(x, from);
  await page.mouse.down();
  for (let frame = 0; frame < FRAMES; frame += 1) {
    // Down, and up again: each step is hundreds of rows.
    const way = frame < FRAMES / 2 ? (2 * frame) / FRAMES : 2 - (2 * frame) / FRAMES;
    await page.mouse.move(x, from + (to - from) * way);
    await page.waitForTimeout(12);
  }
  await page.mouse.up();
}

/** What the browser says of `act`. */
async function traced(act) {
  const session = await browser.newBrowserCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] },
  });
  await act();
  await session.send("Tracing.end");
  await ended;
  await session.detach();
  return events;
}

async function measured(page, act) {
  const before = (await box(page)).at;
  let furthest = 0;
  const watch = setInterval(async () => {
    furthest = Math.max(furthest, Math.abs((await box(page).catch(() => ({ at: before }))).at - before));
  }, 400);
  const events = await traced(() => act(page));
  clearInterval(watch);
  return { ...frames(events), pixels: Math.round(furthest) };
}

/** Sums up the tasks of the page's thread between beginnings of frames. */
function frames(events) {
  const begins = events.filter(({ name, ph }) => name === "AnimationFrame" && ph === "b");
  // The page's thread is the one that makes frames; others belong to the browser.
  const counts = new Map();
  for (const { pid, tid } of begins) counts.set(`${pid} ${tid}`, (counts.get(`${pid} ${tid}`) ?? 0) + 1);
  const main = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
  const own = events.filter(({ pid, tid }) => `${pid} ${tid}` === main);
  const starts = begins.filter((one) => own.includes(one)).map(({ ts }) => ts);
  starts.sort((a, b) => a - b);
  const tasks = own.filter(({ name, ph }) => name === "RunTask" && ph === "X").sort((a, b) => a.ts - b.ts);
  // By the clock, and by the processor: on a machine that does other things at the same time they differ.
  const all = starts.map(() => ({ wall: 0, cpu: 0, changed: false }));
  const layouts = own.filter(({ name }) => name === "Layout").map(({ ts }) => ts);
  let [frame, longest, longestCpu] = [-1, 0, 0];
  for (const { ts, dur, tdur = 0 } of tasks) {
    longest = Math.max(longest, dur);
    longestCpu = Math.max(longestCpu, tdur);
    // A frame begins inside a task, so that the task belongs to it.
    while (frame + 1 < starts.length && starts[frame + 1] < ts + dur) frame += 1;
    if (frame < 0) continue;
    all[frame].wall += dur;
    all[frame].cpu += tdur;
    if (layouts.some((at) => at >= ts && at <= ts + dur)) all[frame].changed = true;
  }
  const kinds = {};
  for (const { name, ph, tdur: dur = 0 } of own) {
    if (
      ph !== "X" ||
      !["FunctionCall", "UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize", "Commit"].includes(
        name,
      )
    )
      continue;
    kinds[name] = (kinds[name] ?? 0) + dur;
  }
  // Frames in which nothing changed would make the others look better.
  const changed = all.filter(({ changed }) => changed);
  return {
    frames: changed.length,
    wall: { ...quantiles(changed.map(({ wall }) => wall)), longestTask: round(longest) },
    cpu: { ...quantiles(changed.map(({ cpu }) => cpu)), longestTask: round(longestCpu) },
    // What a frame costs on average, by kind.
    each: Object.fromEntries(
      Object.entries(kinds).map(([name, sum]) => [name, round(sum / Math.max(changed.length, 1))]),
    ),
  };
}

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => round(sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)] ?? 0);
  return { p50: at(0.5), p95: at(0.95), worst: at(1) };
}

function round(microseconds) {
  return Math.round(microseconds / 10) / 100;
}
