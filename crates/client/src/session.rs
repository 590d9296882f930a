//! The logged-in state that uploads and API calls share.

mod copies;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use tidegate_model::limits;
use tidegate_model::wire::session::{LoginReply, OrgInfo, VersionReply};
use tokio::sync::{Mutex, OnceCell};

use crate::compress::{Compression, Encoding};
use crate::config::Config;
use crate::error::ApiError;
use crate::experiment::{encode, register_project};
use crate::http::{Answer, Body, Http};
use crate::pipeline::Reply;
use crate::requests::Trace;

/// Knows where the server is and who we are there; logs in on first use.
#[derive(Debug)]
pub(crate) struct Session {
    config: Config,
    http: Http,
    connected: Mutex<State>,
    max_request_bytes: AtomicU64,
    /// Ids of projects that were looked up by name.
    projects: SyncMutex<HashMap<String, String>>,
    /// What links begin with, once the organisation is known.
    links: SyncMutex<Option<Arc<str>>>,
    /// Which organisation copies of its objects belong to, once it is known.
    organisation: SyncMutex<Option<Arc<str>>>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<Connected>>,
    /// Address that failed last, for [`crate::Locate`].
    failed: Option<String>,
    /// Origin that refused the key.
    refused: Option<String>,
}

/// One successful login.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) app_url: String,
    /// Base of links, if the server has a lasting address.
    pub(crate) app_public_url: Option<String>,
    pub(crate) api_url: String,
    pub(crate) org: OrgInfo,
    limits_known: OnceCell<Limits>,
}

/// What a server announces of itself.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// To send rows in.
    encoding: Option<Encoding>,
    /// Longest profile; `None` if it keeps none.
    profile_bytes: Option<u64>,
}

/// Which origin a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    App,
    Api,
}

impl Connected {
    pub(crate) fn link_base(&self) -> Option<Arc<str>> {
        let base = self.app_public_url.as_ref()?.trim_end_matches('/');
        Some(format!("{base}/app/{}", encode(&self.org.name)).into())
    }

    fn base(&self, origin: Origin) -> &str {
        match origin {
            Origin::App => &self.app_url,
            Origin::Api => &self.api_url,
        }
    }
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        let http = Http::new(config.api_key.as_ref(), config.request_timeout);
        let bytes = config.max_request_bytes.unwrap_or(limits::DEFAULT_MAX_REQUEST_BYTES);
        Self {
            config,
            http,
            connected: Mutex::default(),
            max_request_bytes: bytes.into(),
            projects: SyncMutex::default(),
            links: SyncMutex::default(),
            organisation: SyncMutex::default(),
        }
    }

    /// What links of this server begin with: `…/app/ORGANISATION`. `None` before the login, and
    /// for a server whose address lasts no longer than the run.
    pub(crate) fn link_base(&self) -> Option<Arc<str>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of a project that is made if there is none of this name.
    pub(crate) async fn project_id(&self, name: &str) -> Result<String, ApiError> {
        let known = || self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known().get(name).cloned() {
            return Ok(id);
        }
        let id = register_project(self, name.to_owned()).await?.id;
        let mut known = known();
        if known.len() >= MOST_PROJECTS {
            known.clear();
        }
        known.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    /// The limit of one request body, as far as it is known by now.
    pub(crate) fn max_request_bytes(&self) -> u64 {
        self.max_request_bytes.load(Ordering::Relaxed)
    }

    /// Logs in unless that is done already.
    pub(crate) async fn connected(&self) -> Result<Arc<Connected>, ApiError> {
        self.log_in(&mut *self.connected.lock().await).await
    }

    /// As [`Session::connected`], but a key that was refused is not tried again: every lane
    /// would, since all of them wait for the first login.
    async fn connected_unless_refused(&self) -> Result<Arc<Connected>, ApiError> {
        let mut state = self.connected.lock().await;
        if let Some(origin) = state.refused.clone() {
            return Err(ApiError::Unauthorized { origin });
        }
        self.log_in(&mut state).await
    }

    async fn log_in(&self, state: &mut State) -> Result<Arc<Connected>, ApiError> {
        if let Some(connected) = &state.current {
            return Ok(Arc::clone(connected));
        }
        let mut tries = 1;
        let (app_url, login) = loop {
            let app_url = match &self.config.locate {
                Some(locate) => {
                    locate.locate(state.failed.as_deref()).await.map_err(ApiError::Locate)?
                }
                None => self.config.app_url.clone(),
            };
            match self.http.json::<LoginReply>(Method::POST, &app_url, LOGIN, None).await {
                // A login changes nothing, so it may be repeated at another address.
                Err(ApiError::Unreachable { .. })
                    if self.config.locate.is_some() && tries < MOST_MOVES =>
                {
                    state.failed = Some(app_url);
                    tries += 1;
                }
                Err(ApiError::Unauthorized { origin }) => {
                    state.refused = Some(origin.clone());
                    return Err(ApiError::Unauthorized { origin });
                }
                login => break (app_url, login?),
            }
        };
        let connected = Arc::new(self.choose(app_url, login)?);
        state.current = Some(Arc::clone(&connected));
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = connected.link_base();
        self.note_organisation(&connected);
        (state.failed, state.refused) = (None, None);
        Ok(connected)
    }

    fn choose(&self, app_url: String, login: LoginReply) -> Result<Connected, ApiError> {
        let wanted = self.config.org_name.clone();
        let org = login
            .org_info
            .into_iter()
            .find(|org| wanted.as_ref().is_none_or(|name| *name == org.name))
            .ok_or(ApiError::NoOrganisation { wanted })?;
        let set = match self.config.locate {
            Some(_) => None,
            None => self.config.api_url.clone(),
        };
        let api_url = set
            .or_else(|| org.api_url.clone().filter(|url| !url.trim().is_empty()))
            .unwrap_or_else(|| app_url.clone());
        // An address that was looked up may be another one tomorrow: no link to it.
        let lasting = self.config.locate.is_none().then(|| app_url.clone());
        let app_public_url = self.config.app_public_url.clone().or(lasting);
        Ok(Connected { app_url, app_public_url, api_url, org, limits_known: OnceCell::new() })
    }

    /// Forgets a server that stopped answering, so that the next use looks for it again.
    async fn lost(&self, connected: &Arc<Connected>) {
        if self.config.locate.is_none() {
            return;
        }
        let mut state = self.connected.lock().await;
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, connected)) {
            state.current = None;
            state.failed = Some(connected.app_url.clone());
        }
    }

    /// Whether the server is on this machine, where compression costs more than it saves.
    fn is_local(connected: &Connected) -> bool {
        let host = reqwest::Url::parse(&connected.api_url).ok();
        match host.as_ref().and_then(reqwest::Url::host_str) {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }

    /// Sends a request to a logged-in server; again at its new address if it moved meanwhile.
    ///
    /// A server that hands over finishes the requests it has begun, so a connection that broke
    /// then carried none. One that was killed may have carried out a registration whose answer
    /// was lost; the repeat leaves an empty experiment behind then, which beats failing the run.
    pub(crate) async fn request(
        &self,
        origin: Origin,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<(Answer, Arc<Connected>), ApiError> {
        let mut connected = self.connected().await?;
        let mut moves = 0;
        loop {
            let base = connected.base(origin);
            let answer = self.http.send(method.clone(), base, path, body.clone()).await;
            let Err(error @ ApiError::Unreachable { .. }) = answer else {
                return Ok((answer?, connected));
            };
            self.lost(&connected).await;
            moves += 1;
            if self.config.locate.is_none() || moves >= MOST_MOVES {
                return Err(error);
            }
            let now = self.connected().await?;
            if now.app_url == connected.app_url {
                return Err(error);
            }
            connected = now;
        }
    }

    /// Sends a request and decodes the 2xx reply.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        origin: Origin,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, ApiError> {
        let body = body.map(Body::from);
        let (answer, connected) = self.request(origin, method, path, body).await?;
        answer.check(connected.base(origin), path)?;
        serde_json::from_slice(&answer.body)
            .map_err(|source| ApiError::Decode { path: path.to_owned(), source })
    }

    /// Asks for a text.
    pub(crate) async fn text(&self, origin: Origin, path: &str) -> Result<String, ApiError> {
        let (answer, connected) = self.request(origin, Method::GET, path, None).await?;
        answer.check(connected.base(origin), path)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Learns the server's body limit and the encoding to send in, once per login. Any failure,
    /// slowness included, means that it announces nothing.
    async fn learn_limits(&self) -> Result<Limits, ApiError> {
        let connected = self.connected_unless_refused().await?;
        let learned = connected.limits_known.get_or_init(|| async {
            let version =
                self.http.json::<VersionReply>(Method::GET, &connected.api_url, "version", None);
            let version = tokio::time::timeout(VERSION_PATIENCE, version).await;
            let version = version.ok().and_then(Result::ok).unwrap_or_default();
            let announced = version.logs3_payload_max_bytes;
            let server = announced.and_then(|bytes| u64::try_from(bytes).ok()).filter(|b| *b > 0);
            let limit = match (self.config.max_request_bytes, server) {
                (Some(own), Some(server)) => own.min(server),
                (Some(limit), None) | (None, Some(limit)) => limit,
                (None, None) => limits::DEFAULT_MAX_REQUEST_BYTES,
            };
            self.max_request_bytes.store(limit, Ordering::Relaxed);
            let encodings = version.logs3_content_encodings.unwrap_or_default();
            let wanted = match self.config.compression {
                Compression::Auto => !Self::is_local(&connected),
                Compression::Always => true,
                Compression::Off => false,
            };
            Limits {
                encoding: Encoding::best_of(&encodings).filter(|_| wanted),
                profile_bytes: version.profile_max_bytes,
            }
        });
        Ok(*learned.await)
    }

    /// Longest profile that the server keeps; `None` if it keeps none.
    pub(crate) async fn profile_limit(&self) -> Result<Option<u64>, ApiError> {
        Ok(self.learn_limits().await?.profile_bytes)
    }

    /// Gets something as it is.
    pub(crate) async fn get(&self, origin: Origin, path: &str) -> Result<Bytes, ApiError> {
        let (answer, connected) = self.request(origin, Method::GET, path, None).await?;
        answer.check(connected.base(origin), path)?;
        Ok(answer.body)
    }

    /// Puts something somewhere, packed as rows are.
    pub(crate) async fn put(
        &self,
        origin: Origin,
        path: &str,
        body: Bytes,
    ) -> Result<(), ApiError> {
        let body = encoded(body, self.learn_limits().await?.encoding).await;
        let (answer, connected) = self.request(origin, Method::PUT, path, Some(body)).await?;
        answer.check(connected.base(origin), path)
    }

    /// Sends one `/logs3` body and says what to do about the answer.
    pub(crate) async fn upload(&self, body: Bytes) -> (Reply, Trace) {
        let mut trace = Trace { sent_bytes: body.len() as u64, ..Trace::default() };
        let answer = match self.learn_limits().await {
            Ok(limits) => {
                let body = encoded(body, limits.encoding).await;
                trace.sent_bytes = body.bytes.len() as u64;
                self.request(Origin::Api, Method::POST, "logs3", Some(body)).await
            }
            Err(error) => Err(error),
        };
        let reply = match answer {
            Ok((answer, _)) => {
                trace.status = Some(answer.status.as_u16());
                trace.first_byte = Some(answer.first_byte);
                judge(&answer)
            }
            Err(ApiError::Unauthorized { origin }) => {
                Reply::Unauthorized { detail: format!("{origin} refused the login") }
            }
            Err(error @ (ApiError::NoOrganisation { .. } | ApiError::Url { .. })) => {
                Reply::Refused { detail: error.to_string() }
            }
            // Everything else may pass: a server that restarts, a proxy that answers for it.
            Err(error) => {
                let after = error.retry_after();
                Reply::Retry { after, detail: error.to_string() }
            }
        };
        (reply, trace)
    }
}

/// Compresses on a thread of its own: 3 MB take about 15 ms, in which no reply may wait.
async fn encoded(plain: Bytes, encoding: Option<Encoding>) -> Body {
    let Some(encoding) = encoding else { return plain.into() };
    let body = plain.clone();
    let packed = tokio::task::spawn_blocking(move || encoding.compress(&body)).await;
    match packed {
        Ok(Some(bytes)) => Body { bytes, encoding: Some(encoding) },
        // Not worth it, or no thread to be had: the plain body is always right.
        _ => plain.into(),
    }
}

impl crate::spool::replay::Upload for Arc<Session> {
    async fn upload(&self, body: Bytes) -> Reply {
        Session::upload(self, body).await.0
    }

    fn max_request_bytes(&self) -> u64 {
        Session::max_request_bytes(self)
    }
}

/// How often one request follows a server to another address.
const MOST_MOVES: u32 = 3;

/// Uploads wait no longer than this for what `/version` would tell them: a limit that is not
/// known is learned from a 413 as well.
const VERSION_PATIENCE: Duration = Duration::from_secs(3);

/// Names of projects that are kept; a program has a handful.
const MOST_PROJECTS: usize = 1024;

const LOGIN: &str = "api/apikey/login";

fn judge(answer: &Answer) -> Reply {
    match answer.status {
        status if status.is_success() => Reply::Acknowledged,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Reply::Unauthorized { detail: answer.message() }
        }
        StatusCode::PAYLOAD_TOO_LARGE => Reply::TooLarge,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Reply::Rejected { detail: answer.message() }
        }
        status if is_retryable(status) => Reply::Retry {
            after: answer.retry_after,
            detail: format!("{}: {}", status.as_u16(), answer.message()),
        },
        status => Reply::Refused { detail: format!("{}: {}", status.as_u16(), answer.message()) },
    }
}

fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}
