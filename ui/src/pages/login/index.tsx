// A key for a session, then back to where one came from.

import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso";
import { type ApiError, asApiError } from "../../api/error";
import { logIn } from "../../api/session";
import { useTitle } from "../../parts/hooks";
import { safeTarget } from "../../pure/path";

export default function Login() {
  useTitle("Log in");
  const { query, route } = useLocation();
  const error = useSignal<ApiError | null>(null);
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key") ?? "").trim();
    if (key === "") return;
    busy.value = true;
    error.value = null;
    try {
      await logIn(key);
      route(safeTarget(query.to), true);
    } catch (failure) {
      error.value = asApiError(failure);
    } finally {
      busy.value = false;
    }
  };
  const unknown = error.value?.status === 401;
  return (
    <form class="login" onSubmit={submit}>
      <h1>Tidegate</h1>
      <label for="key">Key</label>
      <input
        id="key"
        class="input"
        name="key"
        type="password"
        autocomplete="current-password"
        required
        autofocus
        aria-invalid={error.value !== null}
        aria-describedby="login-note"
      />
      <button type="submit" class="button primary" disabled={busy.value}>
        {busy.value ? "Logging in…" : "Log in"}
      </button>
      <p id="login-note" class={error.value ? "error" : "faint"} role={error.value ? "alert" : undefined}>
        {error.value
          ? unknown
            ? "This key is unknown or was revoked."
            : `${error.value.message}. ${error.value.hint}`
          : "The first key was printed when the server started first; others are made with "}
        {!error.value && <code>tidegate key create</code>}
      </p>
    </form>
  );
}
