//! The web page and its files. A browser gets the page at every link that clients print; any other
//! client gets what the API has there, so `Accept` decides.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::{ApiError, unknown_route};
use super::request::Id;
use super::table::{Route, get};
use crate::keys::Access::Open;
use crate::store::StoreError;
use crate::ui::{self, Packing};

/// What the page may do: run and show what this server has, and nothing else. Scripts in a page of
/// ours would have all that its reader has, so what was recorded must never become one.
/// Attachments are shown from signed URLs of this server, or from memory.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// What speedscope may do. It writes style sheets of its own into its page, and has a module of
/// WebAssembly in its script that makes names of C++ readable; neither lets text become a script.
const VIEWER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; style-src-elem 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; \
    font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Names of these files have the hash of what is in them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// To be asked again, which `ETag` makes cheap.
const ASK_AGAIN: &str = "no-cache";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/", Open, page),
        get("/login", Open, page),
        get("/icon.svg", Open, icon),
        get("/assets/{*file}", Open, asset),
        get("/speedscope/", Open, viewer),
        get("/speedscope/{*file}", Open, viewer_file),
    ]
}

/// Whether a path is one of the page's, and of the API too: browsers get the page there, without a
/// key, since there is nothing of anybody in it.
pub(super) fn is_shared(path: &str) -> bool {
    path.starts_with("/app/")
}

/// Around a route that is shared.
pub(super) async fn for_browsers(request: Request, next: Next) -> Response {
    if is_browser(request.method(), request.headers()) {
        return index(request.headers()).await;
    }
    let mut response = next.run(request).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// Whether a person looks at the answer.
fn is_browser(method: &Method, headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    matches!(*method, Method::GET | Method::HEAD)
        && accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// For what has no route: pages that the API has nothing at, and links to pages of another version.
pub(super) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if is_shared(uri.path()) && is_browser(&method, &headers) {
        return index(&headers).await;
    }
    unknown_route(method, uri).await.into_response()
}

async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if is_browser(&method, &headers) {
        index(&headers).await
    } else {
        unknown_route(method, uri).await.into_response()
    }
}

async fn index(headers: &HeaderMap) -> Response {
    let file = Sent { path: "index.html", policy: PAGE_POLICY, keep: ASK_AGAIN };
    let mut response = file.answer(headers).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn asset(Id(file): Id, headers: HeaderMap) -> Response {
    let path = format!("assets/{file}");
    Sent { path: &path, policy: PAGE_POLICY, keep: FOR_EVER }.answer(&headers).await
}

async fn icon(headers: HeaderMap) -> Response {
    Sent { path: "icon.svg", policy: PAGE_POLICY, keep: ASK_AGAIN }.answer(&headers).await
}

async fn viewer(headers: HeaderMap) -> Response {
    let path = "speedscope/index.html";
    Sent { path, policy: VIEWER_POLICY, keep: ASK_AGAIN }.answer(&headers).await
}

async fn viewer_file(Id(file): Id, headers: HeaderMap) -> Response {
    let path = format!("speedscope/{file}");
    Sent { path: &path, policy: VIEWER_POLICY, keep: ASK_AGAIN }.answer(&headers).await
}

/// A file, and what is said of it.
struct Sent<'a> {
    path: &'a str,
    policy: &'static str,
    keep: &'static str,
}

impl Sent<'_> {
    async fn answer(&self, headers: &HeaderMap) -> Response {
        let Some(asset) = ui::asset(self.path) else {
            return ApiError::not_found("file", self.path).into_response();
        };
        let wanted = Packing::of(headers);
        // Packing takes a while, the first time.
        let packed = tokio::task::spawn_blocking(move || asset.body(wanted)).await;
        let Ok((body, packing)) = packed else {
            return ApiError::internal(&StoreError::Panicked).into_response();
        };
        let tag = asset.tag(packing);
        let mut response = if is_known(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, asset.media())], body).into_response()
        };
        let set = response.headers_mut();
        if let Some(packing) = packing.filter(|_| set.contains_key(header::CONTENT_TYPE)) {
            set.insert(header::CONTENT_ENCODING, HeaderValue::from_static(packing.name()));
        }
        if let Ok(tag) = HeaderValue::try_from(tag) {
            set.insert(header::ETAG, tag);
        }
        for (name, value) in [
            (header::CACHE_CONTROL, self.keep),
            (header::CONTENT_SECURITY_POLICY, self.policy),
            (header::REFERRER_POLICY, "same-origin"),
            (header::VARY, "accept-encoding"),
            (OPENER_POLICY, "same-origin"),
        ] {
            set.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Whether the client has just that already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
    })
}
