// Chromium on a running server, and everything a page may not do while a test looks at it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Of anything that is waited for, in milliseconds; it takes milliseconds where nothing else runs. */
const DEADLINE_MS = Number(process.env.TIDEGATE_BROWSER_DEADLINE_MS ?? 45_000);

/** Runs `use` with a browser and says as JSON what it returns; an error leaves with its trace. */
export async function browse(use) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Containers have no user namespaces for a sandbox; the pages are ours.
    args: ["--no-sandbox"],
  });
  try {
    console.log(JSON.stringify((await use(browser)) ?? null));
  } finally {
    await browser.close();
  }
}

export class Visitor {
  /** A fresh profile: `options` are those of a context. */
  static async of(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    return new Visitor(url, context, await context.newPage());
  }

  constructor(url, context, page) {
    this.url = url;
    this.context = context;
    this.page = page;
    /** What went wrong, each with the address it was at. */
    this.wrong = [];
    /** Beginnings of console errors that a step means to cause. */
    this.expected = [];
    const note = (at, what) => {
      if (!this.expected.some((part) => what.includes(part))) this.wrong.push(`${at?.url() ?? ""}: ${what}`);
    };
    // Of the context, so that pages which a page opens are watched as well.
    context.on("dialog", (dialog) => {
      note(dialog.page(), `dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    context.on("weberror", (error) => note(error.page(), `exception ${error.error().stack ?? error.error()}`));
    // Refusals of the policy arrive here as well.
    context.on("console", (line) => {
      if (line.type() === "error") note(line.page(), `console ${line.text()} ${line.location().url}`);
    });
    context.on("request", (request) => {
      const own = request.url().startsWith(`${url}/`) || /^(data|blob):/.test(request.url());
      if (!own) note(page, `asked for ${request.url()}`);
    });
  }

  /** Opens a path and waits until everything is shown. */
  async open(path) {
    await this.page.goto(this.url + path);
    await this.settled();
  }

  /** Until nothing is loading: no skeleton is shown, and what was drawn late is drawn. */
  async settled() {
    await this.page.waitForFunction(
      () =>
        document.querySelector("main")?.children.length > 0 &&
        document.querySelector(".progress.idle") &&
        !document.querySelector("main .skeleton, main .bones"),
    );
  }

  /** Waits for a text anywhere on the page. */
  async see(text) {
    await this.page.getByText(text).first().waitFor();
  }

  /** Fails unless both are the same. */
  same(found, wanted, what) {
    const [one, other] = [found, wanted].map((value) => JSON.stringify(value));
    if (one !== other) throw new Error(`${what}: ${one} instead of ${other}, at ${this.page.url()}`);
  }

  /** Waits until the address has this part. */
  async at(part) {
    await this.until(`address ${part}`, (part) => window.location.href.includes(part), part);
  }

  /** A row of a table, by its place. */
  row(table, place) {
    return this.page.getByRole("grid", { name: table, exact: true }).locator(`[aria-rowindex="${place + 2}"]`);
  }

  /** Waits until a table has that many rows, all of them loaded as far as they are seen. */
  async rows(table, count) {
    await this.until(
      `${count} rows of ${table}`,
      ([table, count]) =>
        document.querySelector(`[role=grid][aria-label="${table}"]`)?.ariaRowCount === String(count + 1) &&
        !document.querySelector("main .bones"),
      [table, count],
    );
  }

  /** Waits until a row of a table has all of these texts. */
  async cells(table, place, texts) {
    await this.until(
      `row ${place} of ${table} with ${texts.join(", ")}`,
      ([table, place, texts]) => {
        const row = document.querySelector(`[role=grid][aria-label="${table}"] [aria-rowindex="${place + 2}"]`);
        return texts.every((text) => row?.textContent.includes(text));
      },
      [table, place, texts],
    );
  }

  /** Waits until a function in the page says so. */
  async until(what, check, argument) {
    try {
      await this.page.waitForFunction(check, argument);
    } catch (error) {
      const text = (await this.page.locator("body").innerText()).slice(0, 3_000);
      throw new Error(`never: ${what}, at ${this.page.url()}\n${text}\n${error}`);
    }
  }

  /** Faults of accessibility that keep somebody out, in light and in dark. */
  async faults() {
    // As the test itself, since the page's own policy lets nobody add scripts.
    await this.page.evaluate(AXE);
    const found = [];
    for (const [colorScheme, rules] of [
      ["light", { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }],
      // The same elements: only their colours are others.
      ["dark", { type: "rule", values: ["color-contrast"] }],
    ]) {
      await this.page.emulateMedia({ colorScheme });
      const { violations } = await this.page.evaluate(
        (runOnly) => globalThis.axe.run(document, { resultTypes: ["violations"], runOnly }),
        rules,
      );
      for (const { id, impact, help, nodes } of violations) {
        if (!["serious", "critical"].includes(impact)) continue;
        const where = nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`);
        found.push(`${this.page.url()} (${colorScheme}): ${id}: ${help}: ${where.join("; ").replaceAll("\n", " ")}`);
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    return found;
  }

  /** Whether content was run, and what is wider than the page. */
  async harm() {
    return this.page.evaluate(() => {
      const harm = [];
      if (window.wasRun !== undefined) harm.push("content was run");
      if (document.querySelector("script:not([src]), [onerror], [onload], a[href^='javascript:' i]")) {
        harm.push("content became markup");
      }
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      if (wide > 0) harm.push(`the page is ${wide} px too wide`);
      return harm.map((what) => `${location.href}: ${what}`);
    });
  }
}
