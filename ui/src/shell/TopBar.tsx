// What is on every page: where one is, search, how fresh the page is, theme and help.

import { useLocation } from "preact-iso";
import { lag, reachable } from "../api/client";
import { type Live, live } from "../api/events";
import { logOut, session } from "../api/session";
import { bindings } from "../parts/keyboard";
import { counted, duration } from "../pure/format";
import { crumbs, path as pagePath } from "../pure/path";
import { helpShown } from "./Help";
import { Search } from "./Search";
import { nextTheme, theme } from "./theme";

const LIVE: Record<Exclude<Live, "off">, { text: string; hint: string }> = {
  connecting: { text: "connecting", hint: "waiting for events of the server" },
  live: { text: "live", hint: "changes show by themselves" },
  polling: { text: "every 5 s", hint: "no events from the server: the page looks every 5 s" },
  lost: { text: "offline", hint: "the server cannot be reached; the page tries again by itself" },
};

const THEME_SIGNS = { system: "◐", light: "○", dark: "●" } as const;

export function TopBar() {
  const { path, route } = useLocation();
  const leave = async () => {
    // The cookie lasts where the server cannot be reached; the next page says so.
    await logOut().catch(() => {});
    route(pagePath.login("/"));
  };
  if (path === "/login") return null;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Tidegate: all projects">
        <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2 2.5h12M2 2.5v11M14 2.5v11M6 2.5v5M10 2.5v5M2 11.5q2-2 4 0t4 0 4 0" />
        </svg>
      </a>
      <nav class="crumbs" aria-label="where you are">
        {crumbs(path).map(({ text, href }, index) => (
          <span key={index} class="crumb">
            {href ? <a href={href}>{text}</a> : <span aria-current="page">{text}</span>}
          </span>
        ))}
      </nav>
      <Search />
      <Freshness />
      <button
        type="button"
        class="button quiet icon"
        onClick={nextTheme}
        title={`theme: ${theme.value}`}
        aria-label={`theme: ${theme.value}`}
      >
        {THEME_SIGNS[theme.value]}
      </button>
      <button
        type="button"
        class="button quiet icon"
        title="keys ?"
        aria-label="keys"
        onClick={() => {
          helpShown.value = true;
        }}
        hidden={bindings.value.length === 0}
      >
        ?
      </button>
      {session.value?.admin && (
        <a
          // On a phone the names of deeper pages need the room.
          class={`button quiet small${path === "/" ? "" : " wide-only"}`}
          href={pagePath.keys(session.value.org)}
          title="API keys"
        >
          Keys
        </a>
      )}
      {session.value?.key && (
        <button
          type="button"
          class={`button quiet small${path.startsWith("/app/") && path.includes("/p/") ? " wide-only" : ""}`}
          title={`logged in with the key ${session.value.key}`}
          onClick={leave}
        >
          Log out
        </button>
      )}
    </header>
  );
}

function Freshness() {
  const behind = lag.value;
  const now = reachable.value ? live.value : "lost";
  const state = now === "off" ? null : LIVE[now];
  return (
    <span class="fresh" aria-live="polite">
      {behind && (
        <span
          class="behind"
          title={`the index is ${duration(behind.seconds)} behind; figures may lack the newest rows`}
        >
          index is {counted(behind.rows, "row")} behind
        </span>
      )}
      {state && (
        <span class={`live ${now}`} title={state.hint}>
          <i aria-hidden="true" />
          <span>{state.text}</span>
        </span>
      )}
    </span>
  );
}
