use axum::http::{HeaderMap, header};

use crate::net::allowed_origins::AllowedOrigins;

/// Whether the page that sent this request may use the gateway.
pub(super) fn is_allowed(origins: &AllowedOrigins, headers: &HeaderMap) -> bool {
    let (origin, host) = origin_and_host(headers);
    origins.allows(origin, host)
}

/// The headers Origin and Host. An origin that is not text counts as "null", which only "*" allows.
pub(super) fn origin_and_host(headers: &HeaderMap) -> (Option<&str>, &str) {
    let origin = headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or("null"));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    (origin, host.unwrap_or_default())
}
