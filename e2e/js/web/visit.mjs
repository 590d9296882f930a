// What a page that is looked at must be, whatever it shows; ends with everything that it was not.

/** Opens each path, waits for its text, and notes what is wrong with it on a screen and on a phone. */
export async function inspect(visitor, pages) {
  const faults = [];
  for (const [path, text] of pages) {
    await visitor.open(path);
    await visitor.see(text);
    faults.push(...(await visitor.harm()), ...(await visitor.faults()));
    await visitor.page.setViewportSize({ width: 390, height: 844 });
    faults.push(...(await visitor.harm()));
    await visitor.page.setViewportSize({ width: 1280, height: 800 });
  }
  return faults;
}

/** Throws what was noted. */
export function conclude(visitor, faults = []) {
  const all = [...faults, ...visitor.wrong];
  if (all.length > 0) throw new Error(`${all.length} faults\n${all.join("\n")}`);
}
