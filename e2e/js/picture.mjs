// Shows an SVG as an <img>, as documents do, in light and dark, and prints as JSON its size, the
// colour of its ground, and how many different colours it has.
//
//   node picture.mjs FILE.svg [DIRECTORY for light.png and dark.png]

import { readFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

const [file, directory] = process.argv.slice(2);
const url = `data:image/svg+xml;base64,${readFileSync(file).toString("base64")}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Containers have no user namespaces for a sandbox; the page is a file of ours.
  args: ["--no-sandbox"],
});
try {
  const shown = {};
  for (const scheme of ["light", "dark"]) {
    const page = await browser.newPage({ colorScheme: scheme, deviceScaleFactor: 1.5 });
    const ground = scheme === "dark" ? "#0d1117" : "#ffffff";
    await page.setContent(`<body style="margin: 16px; background: ${ground}"><img src="${url}"></body>`);
    const image = page.locator("img");
    shown[scheme] = await image.evaluate(async (image) => {
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const colors = new Set();
      for (let at = 0; at < data.length; at += 4) {
        colors.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
      }
      const [red, green, blue] = context.getImageData(12, 12, 1, 1).data;
      return { width: canvas.width, height: canvas.height, ground: [red, green, blue], colors: colors.size };
    });
    if (directory) await image.screenshot({ path: path.join(directory, `${scheme}.png`) });
    await page.close();
  }
  console.log(JSON.stringify(shown));
} finally {
  await browser.close();
}
