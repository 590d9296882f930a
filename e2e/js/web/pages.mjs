// Every page of a seeded server as somebody uses it: what it shows, what its keys and controls do.
//
//   node pages.mjs URL PROFILE

import { readFileSync } from "node:fs";
import { browse, Visitor } from "./browser.mjs";
import { datasets, logs, uploads } from "./pages_data.mjs";
import { seed } from "./seed.mjs";
import { conclude } from "./visit.mjs";

const [url, profile] = process.argv.slice(2);
const PROJECT = "/app/local/p/geography";
const SPANS = 10_000;

await seed(url, readFileSync(profile, "utf8"), SPANS);
await browse(async (browser) => {
  const visitor = await Visitor.of(browser, url);
  for (const walk of [projects, project, experiment, drawer, compare, trace, uploads, logs, datasets]) {
    try {
      await walk(visitor, PROJECT);
    } catch (error) {
      error.message = `${walk.name}: ${error.message}`;
      throw error;
    }
  }
  conclude(visitor);
});

async function projects(visitor) {
  const { page } = visitor;
  await visitor.open("/");
  await visitor.rows("projects", 2);
  await page.getByPlaceholder("Filter by name").fill("geo");
  await visitor.rows("projects", 1);
  await visitor.cells("projects", 0, ["geography", "3"]);
  await visitor.row("projects", 0).click();
  await visitor.at("/app/local/p/geography");
}

async function project(visitor) {
  const { page } = visitor;
  await visitor.rows("experiments", 3);
  await visitor.cells("experiments", 0, ["large"]);
  await visitor.cells("experiments", 1, ["second", "78.95 %", "better", "120", "6"]);
  await visitor.cells("experiments", 2, ["first", "57.89 %", "120", "1111111"]);
  await page.getByLabel("figure of the trend").waitFor();
  // Two of them by keys, against each other.
  for (const key of ["j", "j", "x", "j", "x", "c"]) await page.keyboard.press(key);
  await visitor.at("/compare?e=");
  await visitor.settled();
  await visitor.see("120 cases in both");
  await page.goBack();
  await visitor.rows("experiments", 3);
  await visitor.row("experiments", 1).click();
  await visitor.at("/experiments/second");
}

async function experiment(visitor, at) {
  const { page } = visitor;
  await visitor.rows("cases", 120);
  await visitor.see("6 errors");
  const figure = page.getByLabel("scores and metrics");
  for (const text of ["78.95 %", "+21.05 %", "better", "Duration", "Tokens"]) {
    await figure.getByText(text).first().waitFor();
  }
  // Sorted by a click on a head, both ways.
  await page.getByRole("button", { name: "Tokens" }).click();
  await visitor.cells("cases", 0, ["number 119?", "142"]);
  await page.getByRole("button", { name: "Tokens" }).click();
  await visitor.cells("cases", 0, ["number 0?", "23"]);
  await visitor.at("order=asc&sort=metric%3Atokens");
  // Narrowed by words, by errors, by a member of the metadata; each is in the address.
  await page.getByPlaceholder("Words in any span").fill("Dublin");
  await visitor.rows("cases", 12);
  await visitor.at("text=Dublin");
  await visitor.open(`${at}/experiments/second?failed=true`);
  await visitor.rows("cases", 6);
  await page.getByRole("button", { name: "remove with an error" }).click();
  await visitor.rows("cases", 120);
  await page.getByRole("button", { name: "Groups" }).click();
  await page.getByRole("button", { name: "Metadata" }).click();
  await page.getByLabel("path into the metadata").fill("model.name");
  await page.keyboard.press("Enter");
  await visitor.rows("groups", 2);
  await visitor.cells("groups", 0, ["small", "80"]);
  await visitor.cells("groups", 1, ["large", "40"]);
  await visitor.row("groups", 1).click();
  await visitor.rows("cases", 40);
  await visitor.at("metadata.model.name=large");
  // What changed against the base, the largest first.
  await visitor.open(`${at}/experiments/second`);
  await page.getByRole("button", { name: "Changes" }).click();
  await page.getByRole("button", { name: "Improved" }).click();
  await visitor.rows("cases", 24);
}

/** A case beside the table, by keys alone. */
async function drawer(visitor, at) {
  const { page } = visitor;
  await visitor.open(`${at}/experiments/second?sort=metric:tokens&order=asc`);
  await visitor.rows("cases", 120);
  const panel = page.getByRole("dialog");
  const shows = (text) => panel.getByText(text).first().waitFor();
  for (const key of ["j", "j", "k", "Enter"]) await page.keyboard.press(key);
  await visitor.at("c=second-0");
  await shows("not Paris");
  await page.keyboard.press("]");
  await visitor.at("c=second-1");
  await shows("not London");
  await shows("not London against London");
  await page.keyboard.press("]");
  await visitor.at("c=second-2");
  await page.keyboard.press("[");
  await visitor.at("c=second-1");
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await page.keyboard.press("?");
  for (const text of ["next row", "search", "show keys"]) await shows(text);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await page.keyboard.press("/");
  await page.keyboard.type("upstream closed");
  await page.getByRole("option").first().getByText("upstream closed").or(page.locator("mark")).first().waitFor();
  await page.keyboard.press("Enter");
  await visitor.at("/logs/trace/log-");
  await visitor.see("upstream closed the connection");
  // One that failed, by its address; and one that got better, against its base.
  await visitor.open(`${at}/experiments/second?c=second-19`);
  await shows("TimeoutError: the model did not answer within 30 s");
  await visitor.open(`${at}/experiments/second?c=second-2`);
  await page.getByRole("button", { name: "vs. base" }).click();
  await shows("not");
}

async function compare(visitor, at) {
  const { page } = visitor;
  await visitor.open(`${at}/compare?e=second&e=first`);
  await visitor.see("120 cases in both");
  for (const text of ["78.95 %", "57.89 %", "+21.05 %", "better"]) await visitor.see(text);
  await page.getByRole("button", { name: "Improved" }).click();
  await visitor.rows("cases", 24);
  await visitor.row("cases", 0).click();
  const panel = page.getByRole("dialog");
  await panel.getByText("not", { exact: false }).first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Regressed" }).click();
  await visitor.see("0");
}

async function trace(visitor, at) {
  const { page } = visitor;
  await visitor.open(`${at}/experiments/second/trace/second-3`);
  const spans = page.getByRole("treegrid").getByRole("row");
  await spans.filter({ hasText: "chat" }).click();
  await visitor.at("s=second-3-chat");
  for (const text of ["Answer with one word.", "Which city is number 3?", "Madrid"]) await visitor.see(text);
  await page.keyboard.press("k");
  await visitor.at("s=second-3-task");
  await page.getByLabel("search the trace").fill("rationale");
  await page.locator(".find-count").getByText("1").waitFor();
  // By the address that names a row by ids, as clients print it.
  const [{ experiment, id }] = await visitor.page.evaluate(async () => {
    const reply = await fetch("/api/search?q=%22number%203%22&limit=50");
    const { hits } = await reply.json();
    return hits
      .filter(({ root_span_id }) => root_span_id === "second-3")
      .map(({ object_id, id }) => ({ experiment: object_id, id }));
  });
  await visitor.open(`/app/local/object?object_type=experiment&object_id=${experiment}&id=${id}`);
  await visitor.at("/experiments/second/trace/second-3");

  await visitor.open(`${at}/experiments/large/trace/big`);
  await visitor.see(/^10.?000$/);
  await page.getByLabel("search the trace").fill("tool 9876");
  await page.locator(".find-count").getByText(/^1$/).waitFor();
  await page.keyboard.press("Enter");
  await visitor.see("result 9876");
}
