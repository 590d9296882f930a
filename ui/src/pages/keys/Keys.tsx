// The keys of the server: who has which, a new one, and an end to one.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { get } from "../../api/client";
import type { ApiError } from "../../api/error";
import { listKeys } from "../../api/keys";
import type { KeyInfo, SessionReply } from "../../api/types";
import { useLoad, useTitle } from "../../parts/hooks";
import { useKeys } from "../../parts/keyboard";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Switch } from "../../parts/Tabs";
import { Create } from "./Create";
import { columnsOf } from "./columns";
import { Revoke } from "./Revoke";

export function Keys() {
  useTitle("Keys");
  const keys = useLoad((end) => listKeys(end), []);
  // Which of them this page itself is logged in with; nothing depends on it but a warning.
  const own = useLoad(async (end) => (await get<SessionReply>("/api/session", {}, end)).key?.id ?? null, []);
  const creating = useSignal(false);
  const revoking = useSignal<KeyInfo | null>(null);
  const past = useSignal(false);
  const all = keys.value ?? [];
  const shown = past.value ? all : all.filter(({ revoked }) => revoked === null);
  const columns = useMemo(
    () =>
      columnsOf(own.value, (key) => {
        revoking.value = key;
      }),
    [own.value],
  );
  const create = () => {
    creating.value = true;
  };
  useKeys([{ keys: ["n"], what: "new key", run: create }], keys.value !== null);
  return (
    <div class="page">
      {keys.error && keys.value === null ? (
        <Refused error={keys.error} onAgain={keys.again} />
      ) : keys.value === null ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <div class="toolbar keys-bar">
            <h1>Keys</h1>
            <span class="space" />
            {all.some(({ revoked }) => revoked !== null) && (
              <Switch
                label="which keys"
                at={past.value ? "all" : "valid"}
                choices={[
                  { id: "valid", text: "Valid" },
                  { id: "all", text: "All" },
                ]}
                onChoose={(id) => {
                  past.value = id === "all";
                }}
              />
            )}
            <button type="button" class="button primary" title="new key n" onClick={create}>
              New key
            </button>
          </div>
          <Table
            label="keys"
            columns={columns}
            rows={{ length: shown.length, at: (index) => shown[index] }}
            rowKey={({ id }) => id}
            empty={
              <Empty title="No valid key">
                <p>
                  Without <code>--require-key</code>, whoever reaches this server on a loopback address needs
                  none. On any other address every client needs one.
                </p>
              </Empty>
            }
          />
          {keys.error && <Failed error={keys.error} onAgain={keys.again} inline />}
        </>
      )}
      {creating.value && (
        <Create
          onClose={() => {
            creating.value = false;
            keys.again();
          }}
        />
      )}
      {revoking.value && (
        <Revoke
          apiKey={revoking.value}
          own={revoking.value.id === own.value}
          onClose={(done) => {
            revoking.value = null;
            if (done) keys.again();
          }}
        />
      )}
    </div>
  );
}

function Refused({ error, onAgain }: { readonly error: ApiError; readonly onAgain: () => void }) {
  if (error.status === 403) {
    return (
      <Empty title="Your key may not manage keys">
        <p>
          Only a key that writes in all projects may list, make and revoke others. Log in with such a key, or
          ask whoever runs the server: there, <code>tidegate key</code> always works.
        </p>
        <pre>{"tidegate key list\ntidegate key create --name laptop"}</pre>
      </Empty>
    );
  }
  return <Failed error={error} onAgain={onAgain} />;
}
