// The shell around all pages: routes, the top bar, help, and what is left when a page fails.

import { signal } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { onUnauthorized } from "./api/client";
import { asApiError } from "./api/error";
import { session, whoAmI } from "./api/session";
import { useTitle } from "./parts/hooks";
import { listen } from "./parts/keyboard";
import { Empty, Failed } from "./parts/states";
import { path as pagePath } from "./pure/path";
import { routes } from "./routes";
import { Help } from "./shell/Help";
import { TopBar } from "./shell/TopBar";

// Made once: a component made anew would be another page.
const pages = routes.map(({ path, load }) => ({ path, component: lazy(load) }));

/** Whether the code of the next page is on its way; the present one stays meanwhile. */
const loading = signal(false);

export function App() {
  return (
    <LocationProvider>
      <Listen />
      <TopBar />
      <div class={loading.value ? "progress" : "progress idle"} aria-hidden="true" />
      <main class="main">
        <Guard>
          <ErrorBoundary>
            <Router
              onLoadStart={() => {
                loading.value = true;
              }}
              onLoadEnd={() => {
                loading.value = false;
              }}
            >
              {pages.map(({ path, component }) => (
                <Route key={path} path={path} component={component} />
              ))}
              <Route default component={NotFound} />
            </Router>
          </ErrorBoundary>
        </Guard>
      </main>
      <Help />
    </LocationProvider>
  );
}

function Listen() {
  const { route } = useLocation();
  useEffect(listen, []);
  useEffect(() => {
    onUnauthorized.call = () => {
      session.value = null;
      const { pathname, search } = window.location;
      if (pathname !== "/login") route(pagePath.login(pathname + search), true);
    };
  }, [route]);
  // Who is there says what the bar offers. A page that asks as well shows why it failed.
  useEffect(() => {
    if (window.location.pathname !== "/login") whoAmI().catch(() => {});
  }, []);
  return null;
}

function NotFound() {
  useTitle("Not found");
  return (
    <Empty title="There is no such page">
      <p>
        The address may be cut or of a newer version. <a href="/">All projects</a>
      </p>
    </Empty>
  );
}

/** A fault in a page leaves the bar and says what happened; another address starts anew. */
class Guard extends Component<{ children: ComponentChildren }, { error: unknown; url: string }> {
  override state = { error: null as unknown, url: "" };

  override componentDidCatch(error: unknown): void {
    loading.value = false;
    this.setState({ error, url: window.location.href });
  }

  override render() {
    const { error, url } = this.state;
    if (error === null || url !== window.location.href) return this.props.children;
    // A file that is gone: the server was updated under the page.
    const stale = /dynamically imported module|module script/i.test(String(error));
    const shown = asApiError(stale ? new Error("the server was updated since this page was loaded") : error);
    return <Failed error={shown} onAgain={() => window.location.reload()} />;
  }
}
