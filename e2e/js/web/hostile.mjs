// Content that tries to be more than text, on every page that shows it; and what keeps people out of
// pages, on each of them in light and dark.
//
//   node hostile.mjs URL PROFILE

import { readFileSync } from "node:fs";
import { browse, Visitor } from "./browser.mjs";
import { HOSTILE, seed } from "./seed.mjs";
import { conclude, inspect } from "./visit.mjs";

const [url, profile] = process.argv.slice(2);
const { script, image, link, svg, file } = HOSTILE;
const names = [`${script} & ${image}`, `${image} ${link}`];
const [project, experiment] = names.map(encodeURIComponent);
const bad = `/app/local/p/${project}`;
const good = "/app/local/p/geography";

await seed(url, readFileSync(profile, "utf8"), 200);
await browse(async (browser) => {
  const visitor = await Visitor.of(browser, url);
  const faults = await inspect(visitor, [
    ["/", names[0]],
    [bad, names[1]],
    [`${bad}/experiments/${experiment}`, script],
    [`${bad}/experiments/${experiment}?c=hostile-1`, link],
    [`${bad}/experiments/${experiment}/trace/hostile-1`, image],
    [`${bad}/experiments/${experiment}/trace/hostile-1?s=hostile-1-llm`, file],
    [`${bad}/compare?e=${experiment}&e=${encodeURIComponent(svg)}`, svg],
    [`${bad}/logs`, image],
    [`${bad}/logs/trace/hostile-3?s=hostile-3-llm`, script],
    [`${bad}/datasets`, image],
    [`${bad}/datasets/${encodeURIComponent(image)}`, link],
    [`${bad}/datasets/${encodeURIComponent(image)}?row=${encodeURIComponent(script)}`, svg],
    [good, "second"],
    [`${good}/experiments/second`, "120 cases"],
    [`${good}/experiments/second?c=second-3`, "Madrid"],
    [`${good}/experiments/second?group=tag`, "rare"],
    [`${good}/experiments/second/uploads`, "server_bound"],
    [`${good}/compare?e=second&e=first`, "120 cases in both"],
    [`${good}/logs`, "request"],
    ["/app/local/settings/keys", "No valid key"],
    ["/login", "Log in"],
    [`${good}/unknown`, "There is no such page"],
  ]);
  await downloads(visitor, faults);
  await shapes(visitor, faults);
  // An address that tries to lead elsewhere after the login.
  for (const to of ["//evil.example/", "https://evil.example/", link, "/\\evil.example"]) {
    await visitor.open(`/login?to=${encodeURIComponent(to)}`);
    faults.push(...(await visitor.harm()));
  }
  // These do not exist, and the server says so.
  visitor.expected.push("status of 404", "status of 400");
  await visitor.open("/app/local/p/nobody");
  await visitor.see('project "nobody" not found');
  await visitor.open(`/app/local/object?object_type=${encodeURIComponent(script)}&object_id=${encodeURIComponent(link)}`);
  await visitor.page.getByRole("alert").waitFor();
  faults.push(...(await visitor.harm()), ...(await visitor.faults()));
  conclude(visitor, faults);
});

/** Rows whose members have other shapes than they should are shown all the same. */
async function shapes(visitor, faults) {
  for (const at of Array.from({ length: 9 }, (_, at) => `odd-${at}`)) {
    for (const path of [
      `${bad}/experiments/${experiment}?c=${at}`,
      `${bad}/experiments/${experiment}/trace/${at}`,
      `${bad}/logs/trace/${at}`,
    ]) {
      await visitor.open(path);
      faults.push(...(await visitor.harm()));
      const failed = await visitor.page.getByRole("alert").allInnerTexts();
      faults.push(...failed.map((text) => `${path}: ${text.replaceAll("\n", " ")}`));
    }
  }
}

/** A file with markup goes to the disk under a harmless name; it is never a page of the server. */
async function downloads(visitor, faults) {
  const { page } = visitor;
  await visitor.open(`${bad}/experiments/${experiment}/trace/hostile-1?s=hostile-1-llm`);
  const begun = page.waitForEvent("download");
  const attached = page.locator(".file", { hasText: file }).first();
  await attached.getByRole("link", { name: "Download" }).click();
  const name = (await begun).suggestedFilename();
  if (/[<>"\/]/.test(name)) faults.push(`a download is called ${name}`);
}
