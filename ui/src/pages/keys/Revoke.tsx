// The end of a key, with what ends with it.

import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso";
import { type ApiError, asApiError } from "../../api/error";
import { revokeKey } from "../../api/keys";
import { session } from "../../api/session";
import type { KeyInfo } from "../../api/types";
import { Dialog } from "../../parts/Dialog";
import { Time } from "../../parts/Time";
import { path } from "../../pure/path";
import { keyMay, keyName } from "./columns";

export interface RevokeProps {
  readonly apiKey: KeyInfo;
  /** Whether the page itself is logged in with it. */
  readonly own: boolean;
  readonly onClose: (done: boolean) => void;
}

export function Revoke({ apiKey, own, onClose }: RevokeProps) {
  const { route } = useLocation();
  const error = useSignal<ApiError | null>(null);
  const busy = useSignal(false);
  const name = keyName(apiKey);
  const revoke = async () => {
    busy.value = true;
    try {
      await revokeKey(apiKey.id);
      if (own) {
        session.value = null;
        route(path.login(window.location.pathname), true);
      } else onClose(true);
    } catch (failure) {
      error.value = asApiError(failure);
      busy.value = false;
    }
  };
  return (
    <Dialog title={`Revoke "${name}"?`} onClose={() => onClose(false)}>
      <ul class="question-list">
        <li>
          Programs that send it are refused from their next request on (401). It {keyMay(apiKey)}
          {apiKey.last_used ? (
            <>
              , and was last used <Time at={apiKey.last_used} />
            </>
          ) : (
            ", and was never used"
          )}
          .
        </li>
        <li>Evaluations that run with it go on, but what they record is no longer taken.</li>
        <li>Web pages that were logged in with it are logged out.</li>
        {own && (
          <li class="error">
            <strong>It is the key that you are logged in with:</strong> you will need another one.
          </li>
        )}
      </ul>
      <p class="muted">It cannot be made valid again. What was recorded with it stays.</p>
      {error.value && (
        <p class="error" role="alert">
          {error.value.message}. {error.value.hint}
        </p>
      )}
      <div class="question-end">
        <button type="button" class="button" onClick={() => onClose(false)} autofocus>
          Cancel
        </button>
        <button type="button" class="button danger" disabled={busy.value} onClick={revoke}>
          {busy.value ? "Revoking…" : `Revoke ${name}`}
        </button>
      </div>
    </Dialog>
  );
}
