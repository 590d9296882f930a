// A row of a dataset made of a recorded one, with where it came from.

interface Recorded {
  readonly id: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly expected?: unknown;
  readonly metadata?: unknown;
  readonly tags?: unknown;
  readonly created?: unknown;
  readonly _xact_id?: unknown;
}

/** What was expected, or what came out if nothing was; `origin` is as Braintrust's clients write it. */
export function datasetRow(kind: string, object: string, row: Recorded): Record<string, unknown> {
  const { id, input, output, expected, metadata, tags, created, _xact_id } = row;
  return {
    input: input ?? null,
    expected: expected ?? output ?? null,
    ...(metadata == null ? {} : { metadata }),
    ...(Array.isArray(tags) && tags.length > 0 ? { tags } : {}),
    origin: {
      object_type: kind,
      object_id: object,
      id,
      ...(_xact_id == null ? {} : { _xact_id }),
      ...(created == null ? {} : { created }),
    },
  };
}
