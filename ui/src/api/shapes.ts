// Members of rows that should have a certain shape and were recorded with another: the server takes any JSON.

/** Tags as texts, each once; null without any. */
export function tagsOf(tags: unknown): string[] | null {
  if (tags === undefined || tags === null) return null;
  const texts = (Array.isArray(tags) ? tags : [tags])
    .filter((tag) => tag !== null)
    .map((tag) => (typeof tag === "string" ? tag : JSON.stringify(tag)));
  return texts.length > 0 ? [...new Set(texts)] : null;
}
