// Why a request has no answer: one type, with what to do about it.

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0 if there was no reply at all. */
    readonly status: number,
    message: string,
    /** The next step, in a sentence. */
    readonly hint: string,
    /** Found in the server's log. */
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** The error of a reply that is not 2xx. */
export function replyError(status: number, body: string): ApiError {
  let said: { error?: unknown; request_id?: unknown } = {};
  try {
    said = JSON.parse(body);
  } catch {
    // A proxy between may answer with a page of its own; its status is what there is to say.
  }
  const message = typeof said?.error === "string" ? said.error : `the server answered ${status}`;
  const id = typeof said?.request_id === "string" ? said.request_id : null;
  return new ApiError(status, message, hintFor(status), id);
}

function hintFor(status: number): string {
  if (status === 400)
    return "The address asks for something the server does not know: reset filters and sort.";
  if (status === 401) return "Log in with a key.";
  if (status === 403) return "Your key may not read this: log in with another one.";
  if (status === 404) return "It may have been deleted or renamed; go back to the list.";
  if (status === 429 || status === 503)
    return "The server has more to do than it can: try again in a moment.";
  return "Try again; the server's log has the cause under the id of the request.";
}

/** Anything thrown, as the one type. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ApiError(0, text, "Reload the page; if it stays, it is a fault of ours.");
}

/** Whether a request was given up by the page itself, which is nobody's error. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
