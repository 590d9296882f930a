// Full-text search over what the key may read, or over the project that is open.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type ApiError, asApiError, isAborted } from "../api/error";
import { projectNamed, search } from "../api/lists";
import { session, whoAmI } from "../api/session";
import type { Hit, Snippet } from "../api/types";
import { useKeys } from "../parts/keyboard";
import { Time } from "../parts/Time";
import { path as pagePath } from "../pure/path";
import { byteRanges } from "../pure/ranges";

const PAUSE_MS = 200;
const MOST_HITS = 12;

interface Found {
  readonly hits: readonly Hit[] | null;
  readonly more: boolean;
  readonly error: ApiError | null;
}

const NOTHING: Found = { hits: null, more: false, error: null };

export function Search() {
  const { path, route } = useLocation();
  const field = useRef<HTMLInputElement>(null);
  const text = useSignal("");
  const open = useSignal(false);
  const found = useSignal<Found>(NOTHING);
  const at = useSignal(0);
  const project = path.match(/^\/app\/[^/]+\/p\/([^/]+)/)?.[1];

  useKeys([
    {
      keys: ["/"],
      what: "search",
      run: () => {
        field.current?.focus();
        field.current?.select();
      },
    },
  ]);
  useEffect(() => {
    open.value = false;
  }, [path]);
  useEffect(() => {
    const words = text.value.trim();
    if (words === "") {
      found.value = NOTHING;
      return;
    }
    const end = new AbortController();
    const timer = setTimeout(() => {
      find(words, project, end.signal).then(
        (next) => {
          found.value = next;
          at.value = 0;
        },
        (error) => {
          if (!isAborted(error)) found.value = { ...NOTHING, error: asApiError(error) };
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [text.value, project]);

  const hits = found.value.hits ?? [];
  const follow = (hit: Hit | undefined) => {
    if (!hit) return;
    open.value = false;
    field.current?.blur();
    route(linkTo(hit));
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      open.value = false;
      field.current?.blur();
    } else if (event.key === "Enter") follow(hits[at.value]);
    else if (event.key === "ArrowDown") at.value = Math.min(at.value + 1, hits.length - 1);
    else if (event.key === "ArrowUp") at.value = Math.max(at.value - 1, 0);
    else return;
    event.preventDefault();
  };
  const shown = open.value && text.value.trim() !== "";
  return (
    <search class="search">
      <input
        ref={field}
        class="input"
        type="search"
        aria-controls={shown ? "search-hits" : undefined}
        aria-label="search"
        placeholder={project ? "Search in this project" : "Search"}
        spellcheck={false}
        autocomplete="off"
        onFocus={() => {
          open.value = true;
        }}
        onBlur={(event) => {
          // A click on a hit takes the focus first.
          if (!(event.relatedTarget as HTMLElement | null)?.closest(".search")) open.value = false;
        }}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          open.value = true;
        }}
        onKeyDown={key}
      />
      <kbd aria-hidden="true">/</kbd>
      {shown && (
        <div class="hits" id="search-hits" role="listbox" aria-label="found" tabIndex={-1}>
          {found.value.error && <p class="hits-note">{found.value.error.message}</p>}
          {found.value.hits?.length === 0 && (
            <p class="hits-note">
              Nothing has all these words. <code>capit*</code> takes any ending, <code>"city of light"</code>{" "}
              is a phrase, <code>-london</code> excludes.
            </p>
          )}
          {hits.map((hit, index) => (
            <a
              key={`${hit.object_id} ${hit.id}`}
              class="hit"
              role="option"
              aria-selected={index === at.value}
              href={linkTo(hit)}
              onPointerMove={() => {
                at.value = index;
              }}
            >
              <span class="hit-head">
                <span class="cut">{hit.name ?? "row"}</span>
                <span class="faint">{hit.object_type.replace("_", " ")}</span>
                <span class="faint">
                  <Time at={hit.created} />
                </span>
              </span>
              {hit.snippets.slice(0, 2).map((snippet) => (
                <SnippetLine key={snippet.field} snippet={snippet} />
              ))}
            </a>
          ))}
          {found.value.more && (
            <p class="hits-note">The newest {hits.length} are shown; more words narrow it down.</p>
          )}
        </div>
      )}
    </search>
  );
}

function linkTo(hit: Hit): string {
  return pagePath.object(session.value?.org ?? "local", hit.object_type, hit.object_id, hit.id);
}

async function find(words: string, project: string | undefined, end: AbortSignal): Promise<Found> {
  await whoAmI(end);
  const project_id = project ? (await projectNamed(decodeURIComponent(project), end)).id : undefined;
  const { hits, cursor } = await search({ q: words, project_id, limit: MOST_HITS }, end);
  return { hits, more: cursor !== null, error: null };
}

function SnippetLine({ snippet }: { readonly snippet: Snippet }) {
  return (
    <span class="snippet cut">
      <span class="faint">{snippet.field} </span>
      {byteRanges(snippet.text, snippet.matches).map(({ text, inside }, index) =>
        inside ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
      )}
    </span>
  );
}
