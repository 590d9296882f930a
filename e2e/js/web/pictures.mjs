// Pictures of pages for the documents: of runs that were really made, as a browser shows them.
//
//   node pictures.mjs URL DIRECTORY

import path from "node:path";
import { browse, Visitor } from "./browser.mjs";

const [url, directory] = process.argv.slice(2);

const LANGUAGES = "/app/local/p/language-id/experiments/frequent-words";
const QUESTIONS = "/app/local/p/questions/experiments/one-sentence";

/** What each picture shows: from an address to what is on the page when it is taken. */
const PICTURES = {
  // A case that went wrong, beside the table.
  "web-experiment": async (visitor) => {
    await visitor.open(`${LANGUAGES}?sort=created&order=asc`);
    await visitor.row("cases", 6).click();
    await visitor.page.getByRole("dialog").getByText("Metadata").waitFor();
  },
  // Where it goes wrong.
  "web-groups": async (visitor) => {
    await visitor.open(`${LANGUAGES}?group=metadata.language&sort=score:exact_match&order=asc`);
    await visitor.rows("groups", 50);
  },
  // What a model judged, and when.
  "web-trace": async (visitor) => {
    await visitor.open(`${QUESTIONS}?text=sky`);
    await visitor.rows("cases", 1);
    await visitor.row("cases", 0).click();
    await visitor.page.getByRole("link", { name: /^Trace/ }).click();
    await visitor.settled();
    await visitor.page.getByRole("treegrid").getByRole("row").filter({ hasText: "factuality" }).click();
    await visitor.at("s=");
  },
};

await browse(async (browser) => {
  for (const [name, show] of Object.entries(PICTURES)) {
    const visitor = await Visitor.of(browser, url, { viewport: { width: 1280, height: 640 } });
    await show(visitor);
    await visitor.settled();
    await visitor.page.mouse.move(640, 1);
    // Canvases are drawn with the next frame.
    await visitor.page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    await visitor.page.screenshot({ path: path.join(directory, `${name}.png`) });
    await visitor.context.close();
  }
});
