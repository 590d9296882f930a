// Measures what the page of a trace costs the main thread: loading, panning, zooming, scrolling.
//
//   node scripts/trace-frames.mjs http://127.0.0.1:8787 [SPANS]
//
// Writes a trace of SPANS (10 000) into the logs of the project `frames`, opens it in Chromium and reads
// Chromium's own trace: the processor time of the main thread, so that other load on the machine does not
// count. Fails if the work of a frame that moves is above 12 ms at the 95th percentile, or a task takes 50 ms.
// CHROMIUM names another browser than /usr/bin/chromium, TIDEGATE_API_KEY a key.

import { chromium } from "playwright-core";
import { writeTrace } from "./trace-rows.mjs";

const FRAME_MS = 12;
const TASK_MS = 50;
const [server = "http://127.0.0.1:8787", spans = "10000"] = process.argv.slice(2);
const PROJECT = "frames";
const EVENTS = 120;
/** What must be smooth; elsewhere only long tasks count. */
const MOVING = ["zoom", "pan", "scroll"];

const { root } = await writeTrace(server, PROJECT, Number(spans));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Containers have no user namespaces for a sandbox.
  args: ["--no-sandbox"],
});
let failed = false;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const cdp = await browser.newBrowserCDPSession();
  // The server and the page share the machine: the list is warm before its time counts.
  await page.goto(`${server}/`);
  await page.waitForSelector("main");
  await page.waitForTimeout(500);

  const url = `${server}/app/local/p/${PROJECT}/logs/trace/${root}`;
  await measured("load", cdp, async () => {
    await page.goto(url);
    const all = Number(spans).toLocaleString("en").replace(/,/g, "\u202f");
    await page.waitForFunction(
      (all) => document.querySelector(".trace-facts")?.textContent?.includes(all),
      all,
    );
    await page.waitForTimeout(1_000);
  });
  const box = await page.locator(".tt-scroll").boundingBox();
  const at = { x: box.x + box.width - 120, y: box.y + 200 };
  const wheel = async (deltaX, deltaY, keys = []) => {
    await page.mouse.move(at.x, at.y);
    for (const key of keys) await page.keyboard.down(key);
    for (let event = 0; event < EVENTS; event++) {
      const back = event >= EVENTS / 2 ? -1 : 1;
      await page.mouse.wheel(deltaX * back, deltaY * back);
    }
    for (const key of keys) await page.keyboard.up(key);
    await page.waitForTimeout(200);
  };
  await measured("zoom", cdp, () => wheel(0, -20, ["Control"]));
  for (let step = 0; step < 8; step++) await page.keyboard.press("+");
  await measured("pan", cdp, () => wheel(25, 0));
  await measured("scroll", cdp, () => wheel(0, 160));
  await measured("keys", cdp, async () => {
    for (let event = 0; event < EVENTS / 2; event++) await page.keyboard.press("j");
    await page.waitForTimeout(300);
  });
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);

async function measured(name, cdp, run) {
  const events = [];
  const collect = ({ value }) => {
    for (const event of value) events.push(event);
  };
  cdp.on("Tracing.dataCollected", collect);
  const categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"];
  await cdp.send("Tracing.start", {
    traceConfig: { includedCategories: categories },
    transferMode: "ReportEvents",
  });
  await run();
  const complete = new Promise((done) => cdp.once("Tracing.tracingComplete", done));
  await cdp.send("Tracing.end");
  await complete;
  cdp.off("Tracing.dataCollected", collect);
  report(name, events);
}

function report(name, events) {
  const main = busiestMain(events);
  const mine = events.filter(({ pid, tid }) => `${pid} ${tid}` === main);
  const tasks = mine
    .filter(({ name, ph }) => ph === "X" && /RunTask$/.test(name))
    .sort((a, b) => a.ts - b.ts);
  // Several categories tell of the same task.
  const outer = [];
  for (const task of tasks) {
    const last = outer.at(-1);
    if (!last || task.ts >= last.ts + last.dur) outer.push(task);
  }
  const begins = mine
    .filter(({ name, ph }) => name === "AnimationFrame::Render" && ph === "b")
    .map(({ ts }) => ts);
  const work = begins.map((from, index) => {
    const to = begins[index + 1] ?? from + 16_667;
    return outer.reduce(
      (sum, { ts, dur, tdur = dur }) => (ts + dur > from && ts + dur <= to ? sum + tdur : sum),
      0,
    );
  });
  // Frames in which nothing changed would make any page look fast.
  const frames = work.map((us) => us / 1000).filter((ms) => ms >= 1);
  const longest = Math.max(0, ...outer.map(({ dur, tdur = dur }) => tdur / 1000));
  const waited = Math.max(0, ...outer.map(({ dur }) => dur / 1000));
  const p95 = quantile(frames, 0.95);
  const bad = (MOVING.includes(name) && p95 > FRAME_MS) || longest > TASK_MS;
  failed ||= bad;
  const figures = [
    `${frames.length} frames`,
    `work median ${quantile(frames, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
    `longest task ${longest.toFixed(1)} ms (${waited.toFixed(1)} ms by the clock)`,
  ];
  if (frames.length < 20) throw new Error(`${name}: only ${frames.length} frames had anything to do`);
  console.log(`${bad ? "FAILED" : "ok    "} ${name.padEnd(6)} ${figures.join("; ")}`);
}

/** The main thread of the page, as process and thread. */
function busiestMain(events) {
  const names = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const busy = new Map(names.map(({ pid, tid }) => [`${pid} ${tid}`, 0]));
  for (const { pid, tid, dur = 0, name } of events) {
    const key = `${pid} ${tid}`;
    if (busy.has(key) && /RunTask$/.test(name)) busy.set(key, busy.get(key) + dur);
  }
  return [...busy].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function quantile(values, at) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * at), sorted.length - 1)] ?? 0;
}
