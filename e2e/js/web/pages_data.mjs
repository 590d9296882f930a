// The pages of uploads, logs and datasets, for `pages.mjs`.

export async function uploads(visitor, at) {
  const { page, context } = visitor;
  await visitor.open(`${at}/experiments/second/uploads`);
  for (const text of ["adaptive", "28 overlapping pairs", "server_bound", "lane 7"]) {
    await visitor.see(text);
  }
  await visitor.rows("requests", 8);
  const opened = context.waitForEvent("page");
  await page.getByRole("link", { name: "Open in speedscope" }).click();
  const viewer = await opened;
  await viewer.waitForFunction(() => document.title.endsWith(" - speedscope"));
  await viewer.locator("canvas").first().waitFor();
  await viewer.close();
  // Without a profile the page says where one comes from; the server's 404 shows in the console.
  visitor.expected.push("/timeline");
  await visitor.open(`${at}/experiments/first/uploads`);
  await visitor.see("No profile");
}

export async function logs(visitor, at) {
  const { page } = visitor;
  await visitor.open(`${at}/logs`);
  await visitor.rows("traces", 240);
  await visitor.cells("traces", 0, ["request", "upstream closed the connection"]);
  await page.getByLabel("traces over time").waitFor();
  await page.getByRole("button", { name: "Failed" }).click();
  await visitor.rows("traces", 6);
  await visitor.at("failed=true");
  await page.getByRole("button", { name: "Failed" }).click();
  await page.getByPlaceholder("Words in any span").fill("Lisbon");
  await visitor.rows("traces", 24);
  await visitor.row("traces", 0).click();
  await visitor.at("/logs/trace/log-");
  await visitor.see("/cities/Lisbon");
}

export async function datasets(visitor, at) {
  const { page } = visitor;
  await visitor.open(`${at}/datasets`);
  await visitor.cells("datasets", 0, ["cities", "30", "Questions with one answer"]);
  await visitor.row("datasets", 0).click();
  await visitor.rows("rows", 30);
  await visitor.cells("rows", 3, ["Where is city 3?", "Corrected"]);
  await visitor.row("rows", 3).click();
  await page.getByRole("dialog").getByText("Corrected").waitFor();
  await page.keyboard.press("Escape");
  // As it was delivered, and what changed since.
  await page.getByRole("button", { name: "Version" }).click();
  await page.getByRole("button", { name: "as delivered" }).click();
  await visitor.rows("rows", 30);
  await visitor.cells("rows", 3, ["Where is city 3?", "Madrid"]);
  await visitor.cells("rows", 7, ["Where is city 7?"]);
  await page.getByRole("button", { name: "remove as of as delivered" }).click();
  await page.getByRole("button", { name: "Changes since" }).click();
  await page.getByRole("button", { name: "as delivered" }).click();
  for (const text of ["+ 1 added", "− 1 removed", "~ 1 changed"]) await visitor.see(text);
  await visitor.rows("rows", 3);
}
