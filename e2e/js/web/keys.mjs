// A server that requires keys: a stranger, a wrong key, the right one, keys made and revoked, an end.
//
//   node keys.mjs URL KEY

import { browse, Visitor } from "./browser.mjs";
import { conclude } from "./visit.mjs";

const [url, key] = process.argv.slice(2);

await browse(async (browser) => {
  const visitor = await Visitor.of(browser, url);
  const { page } = visitor;
  visitor.expected.push("status of 401", "status of 403");

  await visitor.open("/app/local/settings/keys");
  await visitor.at("/login?to=");
  await logIn(page, "tg-not-a-key");
  await visitor.see("This key is unknown or was revoked.");
  await logIn(page, key);
  await visitor.at("/app/local/settings/keys");
  await visitor.rows("keys", 1);

  // What a script of the page could take is not there: the cookie is for the server alone.
  visitor.same(await page.evaluate(() => document.cookie), "", "cookies that scripts see");
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  if (stored.includes(key)) throw new Error(`the key is stored: ${stored}`);

  // A key that may only read, made by the keyboard.
  await page.keyboard.press("n");
  await page.getByLabel("Name").fill("dashboard");
  await page.getByText("read only").click();
  await page.keyboard.press("Enter");
  const shown = page.getByRole("dialog").locator("code").first();
  await page.getByText("This is the only time that it is shown").waitFor();
  const made = await shown.innerText();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await visitor.rows("keys", 2);
  await visitor.cells("keys", 0, ["dashboard", "read"]);

  await foreign(browser, visitor);
  const reader = await asReader(browser, made);

  // Its end shows to whoever is logged in with it.
  await page.getByRole("button", { name: "revoke dashboard", exact: true }).click();
  await page.getByRole("button", { name: "Revoke dashboard", exact: true }).click();
  await visitor.rows("keys", 1);
  await reader.page.reload();
  await reader.at("/login");
  conclude(reader);

  await page.getByRole("button", { name: "Log out" }).click();
  await visitor.at("/login");
  await page.goto(`${url}/`);
  await visitor.at("/login");
  conclude(visitor);
});

async function logIn(page, key) {
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Log in" }).click();
}

async function asReader(browser, made) {
  const reader = await Visitor.of(browser, url);
  reader.expected.push("status of 401", "status of 403");
  await reader.open("/login");
  await logIn(reader.page, made);
  await reader.see("Projects");
  await reader.open("/app/local/settings/keys");
  await reader.see("Your key may not manage keys");
  return reader;
}

/** A page of another origin has the cookie of nobody, and its requests change nothing. */
async function foreign(browser, visitor) {
  const cookies = await visitor.context.cookies();
  visitor.same(
    cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
    [[true, "Strict"]],
    "cookies",
  );
  // The same machine by another port is the same site, which `SameSite` lets through: the server must not.
  const context = await browser.newContext();
  await context.addCookies(cookies);
  const page = await context.newPage();
  const other = "http://127.0.0.1:1/";
  await page.route(other, (route) => route.fulfill({ contentType: "text/html", body: "<p>another page" }));
  await page.goto(other);
  const statuses = [];
  page.on("response", (reply) => {
    if (reply.url().startsWith(url)) statuses.push(reply.status());
  });
  await page.evaluate(
    (url) =>
      Promise.allSettled([
        fetch(`${url}/v1/api_key`, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"stolen"}' }),
        fetch(`${url}/api/session`, { method: "POST", mode: "no-cors", credentials: "include", body: "{}" }),
      ]),
    url,
  );
  const form = page.waitForResponse((reply) => reply.url().startsWith(`${url}/v1/api_key`));
  await page.evaluate((url) => {
    const form = document.createElement("form");
    [form.method, form.enctype, form.action] = ["post", "text/plain", `${url}/v1/api_key`];
    const field = document.createElement("input");
    [field.name, field.value] = ['{"name":"stolen","x":"', '"}'];
    form.append(field);
    document.body.append(form);
    form.submit();
  }, url);
  statuses.push((await form).status());
  await context.close();
  // Of answers that it may not even read, a browser tells nothing; that of the form is there.
  if (statuses.length === 0 || statuses.some((status) => status < 400)) {
    throw new Error(`another origin got ${statuses.join(", ")}`);
  }
  await visitor.page.reload();
  await visitor.rows("keys", 2);
}
