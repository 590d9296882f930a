// Opens a file in the released app of speedscope, as its users do, and prints what it shows as JSON:
// its list of profiles with their times, and every error and request to the network.
//
//   node speedscope.mjs FILE [PICTURE.png]

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, picture] = process.argv.slice(2);
const packageFile = createRequire(import.meta.url).resolve("speedscope/package.json");
const app = path.join(path.dirname(packageFile), "dist/release/index.html");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Containers have no user namespaces for a sandbox; the page is a file of ours.
  args: ["--no-sandbox"],
});
const errors = [];
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(`${error}`));
  page.on("console", (line) => {
    if (line.type() === "error") errors.push(line.text());
  });
  page.on("dialog", (dialog) => {
    errors.push(dialog.message());
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) errors.push(`asked for ${request.url()}`);
  });
  await page.goto(pathToFileURL(app).href);
  await page.setInputFiles("input[type=file]", file);
  await page.waitForFunction(() => document.title.endsWith(" - speedscope"));
  const title = await page.title();
  // The name of the first profile and `(1/9)` stand in the bar at the top; a click opens the list.
  await page.getByText(/ \(1\/\d+\)$/).first().click();
  await page.locator("tbody tr[title]").first().waitFor();
  const profiles = await page.locator("tbody tr[title]").evaluateAll((lines) =>
    lines.map((line) => ({
      name: line.title,
      weight: line.querySelector("td:last-child").textContent,
    })),
  );
  if (picture) await page.screenshot({ path: picture });
  console.log(JSON.stringify({ title, profiles, errors }));
} finally {
  await browser.close();
}
