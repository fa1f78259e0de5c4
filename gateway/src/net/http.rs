//! What the gateway serves by HTTP: configuration, health, metrics, tokens for the demo,
//! certificates, static files, and the upgrade to WebSocket.

mod certificate;
mod request_origin;
pub(super) mod server;
mod tcp_stream;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension, Json, Router,
    extract::{FromRef, RawQuery, State, WebSocketUpgrade},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{self, AUTHORIZATION, CONTENT_TYPE},
        request::Parts,
    },
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    services::ServeDir,
};

use super::{
    admission::SESSION_PATH, node::Node, session_handle::SessionHandle, sockets,
    tcp_limits::TcpLimits, websocket,
};
use crate::{
    auth::{Role, TokenError},
    ops::process,
    tls::CertificateStore,
};
use certificate::certificate;
use request_origin::{is_allowed, origin_and_host};
use server::Peer;

/// Longest body of a request: for a token of the demo, or for a certificate.
const MAX_BODY_BYTES: usize = 4 << 10;

/// Life of a demo token.
const DEMO_TOKEN_TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// What the HTTP side serves.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    pub(crate) store: Arc<CertificateStore>,
    pub(crate) port: u16,
    pub(crate) web_root: Option<PathBuf>,
    pub(crate) cross_origin_isolation: bool,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) limits: TcpLimits,
}

#[derive(Clone)]
struct App {
    node: Arc<Node>,
    config: Arc<HttpConfig>,
}

impl FromRef<App> for Arc<Node> {
    fn from_ref(app: &App) -> Self {
        app.node.clone()
    }
}

impl FromRef<App> for Arc<HttpConfig> {
    fn from_ref(app: &App) -> Self {
        app.config.clone()
    }
}

pub(super) fn router(node: Arc<Node>, config: HttpConfig) -> Router {
    let allow = node.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(
            move |origin: &HeaderValue, parts: &Parts| {
                let host = parts
                    .headers
                    .get(header::HOST)
                    .and_then(|host| host.to_str().ok());
                match (origin.to_str(), host) {
                    (Ok(origin), Some(host)) => allow.admission.origins.allows(Some(origin), host),
                    _ => false,
                }
            },
        ))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([CONTENT_TYPE, AUTHORIZATION])
        .max_age(Duration::from_secs(600));
    let isolated = config.cross_origin_isolation;
    let web_root = config.web_root.clone();
    let app = App {
        node,
        config: Arc::new(config),
    };
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .route("/v1/config", get(configuration))
        .route("/v1/demo/token", post(demo_token))
        .route("/v1/certificate", post(certificate))
        .route(SESSION_PATH, any(session))
        .layer(cors)
        .with_state(app);
    if let Some(root) = web_root {
        router = router.fallback_service(ServeDir::new(root));
    }
    router
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(move |response| {
            headers(isolated, response)
        }))
}

/// Adds the headers that every response has.
async fn headers(isolated: bool, mut response: Response) -> Response {
    let mut set = |name: HeaderName, value: &'static str| {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    // A page and the modules that it loads must be of one version; with validators it is cheap to
    // ask each time.
    set(header::CACHE_CONTROL, "no-cache");
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        if isolated {
            "same-origin"
        } else {
            "cross-origin"
        },
    );
    if isolated {
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
        set(
            HeaderName::from_static("cross-origin-embedder-policy"),
            "require-corp",
        );
    }
    response
}

/// Whether to send new participants here. A draining gateway is not ready, but still alive: a
/// liveness probe (`/healthz`) must not kill it.
async fn readiness(State(node): State<Arc<Node>>) -> Response {
    if node.is_ready() {
        "ready\n".into_response()
    } else {
        let (status, retry) = unavailable();
        (status, retry, "draining\n").into_response()
    }
}

#[derive(Serialize)]
struct Configuration {
    version: &'static str,
    /// Milliseconds since 1970, so that a page can tell that its clock is wrong.
    time: u64,
    webtransport: WebTransport,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebTransport {
    port: u16,
    server_certificate_hashes: Vec<Hash>,
}

/// As the dictionary `WebTransportHash`, with the value in base64.
#[derive(Serialize)]
struct Hash {
    algorithm: &'static str,
    value: String,
}

async fn configuration(State(config): State<Arc<HttpConfig>>) -> impl IntoResponse {
    let server_certificate_hashes = config
        .store
        .hashes()
        .iter()
        .map(|hash| Hash {
            algorithm: "sha-256",
            value: BASE64_STANDARD.encode(hash),
        })
        .collect();
    let configuration = Configuration {
        version: env!("CARGO_PKG_VERSION"),
        time: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64),
        webtransport: WebTransport {
            port: config.port,
            server_certificate_hashes,
        },
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(configuration))
}

async fn metrics(State(node): State<Arc<Node>>) -> impl IntoResponse {
    let sessions = node.sessions();
    let connections = node.connections.len();
    let text = node
        .hub
        .read(|hub| node.metrics.render(hub, sessions, connections));
    let udp = node.udp();
    // Both read files of the system.
    let of_system = move || sockets::render(&udp) + &process::render();
    let of_system = tokio::task::spawn_blocking(of_system).await;
    let text = text + &of_system.unwrap_or_default();
    #[cfg(feature = "_test_support")]
    let text = text + &node.hub.render_interceptor();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

#[derive(Deserialize)]
struct DemoRequest {
    room: String,
    user: String,
}

#[derive(Serialize)]
struct DemoToken {
    token: String,
}

async fn demo_token(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    Json(request): Json<DemoRequest>,
) -> Result<Json<DemoToken>, StatusCode> {
    let signer = node.demo_signer.as_ref().ok_or(StatusCode::NOT_FOUND)?;
    if !is_allowed(&node.admission.origins, &headers) {
        return Err(StatusCode::FORBIDDEN);
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let token = signer
        .sign(
            &request.room,
            &request.user,
            Role::Anchor,
            now,
            DEMO_TOKEN_TTL,
        )
        .map_err(|_: TokenError| StatusCode::BAD_REQUEST)?;
    Ok(Json(DemoToken { token }))
}

async fn session(
    State(node): State<Arc<Node>>,
    Extension(Peer(remote)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (origin, host) = origin_and_host(&headers);
    let admission = node
        .admission
        .admit(origin, host, &query.unwrap_or_default());
    let handle = Arc::new(SessionHandle::new(None));
    let entrance = node.enter(&handle, admission);
    // Refused sessions are upgraded too, up to a limit: a page sees a close code, but not an HTTP
    // status.
    let refusal = match &entrance {
        Ok(_) => None,
        Err(_) => match node.refusals.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => return unavailable().into_response(),
        },
    };
    websocket::limit(upgrade).on_upgrade(move |socket| async move {
        websocket::serve(node, remote, socket, handle, entrance).await;
        drop(refusal);
    })
}

/// The client may try again in some seconds.
fn unavailable() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, "5")],
    )
}
