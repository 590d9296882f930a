// Addresses that clients print for people, opened: each must show what it names.
//
//   node links.mjs URL LINK=TEXT…

import { browse, Visitor } from "./browser.mjs";
import { conclude } from "./visit.mjs";

const [url, ...links] = process.argv.slice(2);

await browse(async (browser) => {
  const visitor = await Visitor.of(browser, url);
  const led = [];
  for (const link of links) {
    const [address, ...texts] = link.split(" ");
    await visitor.open(address.replace(url, ""));
    for (const text of texts) await visitor.see(text);
    await visitor.settled();
    led.push(visitor.page.url().replace(url, ""));
  }
  conclude(visitor);
  return led;
});
