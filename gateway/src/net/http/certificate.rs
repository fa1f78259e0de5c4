//! `POST /v1/certificate`: certifies a member's key for the bearer of a join token.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::request_origin::is_allowed;
use crate::{auth::TokenError, ca::IssueError, net::node::Node};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// The member's certificate, then the authority's, in base64 of DER.
    certificates: Vec<String>,
    /// When the first ends, in seconds since 1970.
    not_after: u64,
}

/// Why no certificate is issued: a status, and a sentence for people.
type Refusal = (StatusCode, String);

pub(super) async fn certificate(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    request: Bytes,
) -> Response {
    match answer(&node, &headers, &request) {
        Ok(answer) => ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err((status, sentence)) if status == StatusCode::UNAUTHORIZED => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (status, challenge, sentence + "\n").into_response()
        }
        Err((status, sentence)) => (status, sentence + "\n").into_response(),
    }
}

fn answer(node: &Node, headers: &HeaderMap, request: &[u8]) -> Result<Answer, Refusal> {
    let issuer = node.issuer.as_ref().ok_or_else(|| {
        let sentence = "this gateway issues no certificates (--ca-certificate)";
        (StatusCode::NOT_FOUND, sentence.to_owned())
    })?;
    if !is_allowed(&node.admission.origins, headers) {
        let sentence = "pages of this origin may not use the gateway (--allow-origin)";
        return Err((StatusCode::FORBIDDEN, sentence.to_owned()));
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer)
        .ok_or(TokenError::Invalid);
    let permissions = token
        .and_then(|token| node.admission.verifier.verify(token))
        .map_err(|error| (StatusCode::UNAUTHORIZED, error.to_string()))?;
    if !issuer.take_budget(node.clock.now()) {
        let sentence = "too many requests for certificates; try again in some seconds";
        return Err((StatusCode::TOO_MANY_REQUESTS, sentence.to_owned()));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let issued = issuer
        .authority
        .issue(permissions.user(), request, now)
        .map_err(|error| (status_of(error), error.to_string()))?;
    Ok(Answer {
        certificates: issued.chain.map(|der| BASE64_STANDARD.encode(der)).to_vec(),
        not_after: issued.not_after.as_secs(),
    })
}

/// The scheme's name may be written in any case (RFC 9110 §11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn status_of(error: IssueError) -> StatusCode {
    match error {
        IssueError::Malformed | IssueError::Algorithm | IssueError::Signature => {
            StatusCode::BAD_REQUEST
        }
        IssueError::AuthorityExpired | IssueError::Signing => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        for written in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            assert_eq!(bearer(written), Some("a.b.c"), "{written}");
        }
        for other in ["a.b.c", "Basic a.b.c", "Bearera.b.c", ""] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }
}
