// A running evaluation as somebody watches it, without a reload. Its program ends a case when it is let,
// so that each state of the page is reached whatever the speed of the machine.
//
//   node live.mjs URL TIDEGATE DIRECTORY

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { browse, Visitor } from "./browser.mjs";
import { conclude } from "./visit.mjs";

const [url, tidegate, directory] = process.argv.slice(2);
const CASES = 12;
const file = (name, text) => writeFileSync(path.join(directory, name), text);
const allow = (cases) => file("allowed", String(cases));

file("cases.jsonl", Array.from({ length: CASES }, (_, at) => `{"input": ${at}, "expected": ${at % 3 ? at : -1}}\n`).join(""));
file(
  "task.py",
  `import json, pathlib, sys, time
number = json.load(sys.stdin)["input"]
while int(pathlib.Path("allowed").read_text() or 0) <= number:
    time.sleep(0.05)
print(number)
`,
);
file(
  "eval.toml",
  `project = "watched"
experiment = "slow"
[data]
file = "cases.jsonl"
[task]
command = ["python3", "task.py"]
[[scorers]]
type = "exact_match"
[run]
max_concurrency = 2
`,
);
allow(0);

await browse(async (browser) => {
  const visitor = await Visitor.of(browser, url);
  const { page } = visitor;
  await visitor.open("/");
  await visitor.see("No project yet");
  const run = spawn(tidegate, ["eval", "eval.toml"], {
    cwd: directory,
    env: { ...process.env, BRAINTRUST_APP_URL: url, BRAINTRUST_API_KEY: "any", NO_COLOR: "1" },
  });
  let said = "";
  for (const stream of [run.stdout, run.stderr]) stream.on("data", (text) => (said += text));
  const ended = new Promise((done) => run.on("close", done));
  try {
    // Whoever reloads does not see this any more.
    await page.evaluate(() => (window.sameDocument = true));
    await visitor.cells("projects", 0, ["watched", "1"]);
    await visitor.row("projects", 0).click();
    // A case is there as soon as it begins; two of them run at a time.
    await visitor.cells("experiments", 0, ["slow", `2 / ${CASES}`]);
    allow(2);
    await visitor.cells("experiments", 0, ["slow", `4 / ${CASES}`]);
    await visitor.row("experiments", 0).click();
    await visitor.rows("cases", 4);
    await visitor.see(`4 / ${CASES}`);
    allow(5);
    await visitor.rows("cases", 7);
    await visitor.see(`7 / ${CASES}`);
    // Scores are of those that ended: three of five.
    await page.getByLabel("scores and metrics").getByText("60.00 %").first().waitFor();
    await visitor.until("three cases that are right", () => {
      const rows = [...document.querySelectorAll('[aria-label="cases"] [aria-rowindex]')];
      return rows.filter((row) => row.textContent.includes("100.00 %")).length === 3;
    });
    const bar = page.getByLabel("cases done");
    await bar.waitFor();
    allow(CASES);
    await visitor.rows("cases", CASES);
    await bar.waitFor({ state: "detached" });
    await page.getByLabel("scores and metrics").getByText("66.67 %").first().waitFor();
    await visitor.see(`${CASES} cases`);
    visitor.same(await page.evaluate(() => window.sameDocument), true, "the page was not reloaded");
    visitor.same(await ended, 0, `the end of the evaluation, which said ${said}`);
  } finally {
    run.kill();
  }
  conclude(visitor);
});
