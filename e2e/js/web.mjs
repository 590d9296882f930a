// Opens pages of a running server in Chromium and prints as JSON, for each, its title and every
// error: of scripts, of requests, and of the policy that says what a page may do.
//
//   node web.mjs URL PATH [PATH…]

import { chromium } from "playwright-core";

const [url, ...paths] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Containers have no user namespaces for a sandbox; the pages are ours.
  args: ["--no-sandbox"],
});
try {
  const shown = {};
  for (const path of paths) {
    const page = await browser.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(`${error}`));
    page.on("console", (line) => {
      if (line.type() === "error") errors.push(line.text());
    });
    page.on("request", (request) => {
      const own = request.url().startsWith(url) || /^(data|blob):/.test(request.url());
      if (!own) errors.push(`asked for ${request.url()}`);
    });
    const reply = await page.goto(url + path, { waitUntil: "networkidle" });
    if (path.includes("profileURL=")) {
      await page.waitForFunction(() => document.title.endsWith(" - speedscope"));
      // Sheets whose rules the policy has dropped are empty.
      const rules = await page.evaluate(() =>
        [...document.styleSheets].reduce((sum, sheet) => sum + sheet.cssRules.length, 0),
      );
      if (rules < 20) errors.push(`only ${rules} rules of style`);
    }
    const found = [...errors];
    // What a recorded text could try: the policy must not run it.
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.wasRun = true";
      document.body.append(script);
    });
    const wasRun = await page.evaluate(() => window.wasRun === true);
    shown[path] = { status: reply.status(), title: await page.title(), errors: found, wasRun };
    await page.close();
  }
  console.log(JSON.stringify(shown));
} finally {
  await browser.close();
}
