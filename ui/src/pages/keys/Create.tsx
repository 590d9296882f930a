// A new key: what it is for, then its text, once.

import { useSignal } from "@preact/signals";
import { type ApiError, asApiError } from "../../api/error";
import { createKey } from "../../api/keys";
import { listProjects } from "../../api/lists";
import type { NewKey } from "../../api/types";
import { Copy } from "../../parts/Copy";
import { Dialog } from "../../parts/Dialog";
import { useLoad } from "../../parts/hooks";
import { keyMay, keyName } from "./columns";

export function Create({ onClose }: { readonly onClose: () => void }) {
  const made = useSignal<NewKey | null>(null);
  const error = useSignal<ApiError | null>(null);
  const busy = useSignal(false);
  const projects = useLoad((end) => listProjects({ sort: "name", order: "asc", limit: 1000 }, end), []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    busy.value = true;
    error.value = null;
    try {
      made.value = await createKey({
        scope: text("scope") === "read" ? "read" : "write",
        ...(text("name") && { name: text("name") }),
        ...(text("project") && { project: text("project") }),
      });
    } catch (failure) {
      error.value = asApiError(failure);
    } finally {
      busy.value = false;
    }
  };
  if (made.value) return <Made key="made" made={made.value} onClose={onClose} />;
  return (
    <Dialog title="New key" onClose={onClose}>
      <form class="key-form" onSubmit={submit}>
        <label for="key-name">Name</label>
        <input
          id="key-name"
          class="input"
          name="name"
          placeholder="laptop, ci, dashboard"
          autocomplete="off"
          maxLength={200}
          autofocus
          required
        />
        <label for="key-project">Project</label>
        <select id="key-project" class="select" name="project">
          <option value="">All projects</option>
          {projects.value?.projects.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <span id="key-scope">May</span>
        <div role="radiogroup" aria-labelledby="key-scope">
          <label>
            <input type="radio" name="scope" value="write" defaultChecked /> read and write
          </label>
          <label>
            <input type="radio" name="scope" value="read" /> read only
          </label>
        </div>
        {error.value && (
          <p class="error key-wide" role="alert">
            {error.value.message}. {error.value.hint}
          </p>
        )}
        <div class="question-end key-wide">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy.value}>
            {busy.value ? "Making…" : "Make key"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Made({ made, onClose }: { readonly made: NewKey; readonly onClose: () => void }) {
  return (
    <Dialog title={`Key "${keyName(made)}"`} onClose={onClose} firm>
      <p>This is the only time that it is shown: the server keeps no more than a hash of it.</p>
      <div class="key-text">
        <code>{made.key}</code>
        <Copy text={made.key} />
      </div>
      <p class="muted">It {keyMay(made)}, and works at once. For a Braintrust client:</p>
      <div class="key-text">
        <code>
          export BRAINTRUST_APP_URL={window.location.origin} BRAINTRUST_API_KEY={"<the key>"}
        </code>
        <Copy
          text={`export BRAINTRUST_APP_URL=${window.location.origin} BRAINTRUST_API_KEY=${made.key}`}
          label="Copy with key"
        />
      </div>
      <div class="question-end">
        <button type="button" class="button primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}
