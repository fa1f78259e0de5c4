//! Whether a session is let in: origin, then token or ticket, before a room is touched.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use smrtc_engine::wire::CloseCode;

use super::{allowed_origins::AllowedOrigins, session_end::SessionEnd};
use crate::auth::{Permissions, TokenError, Verifier};

/// The path of every session.
pub(super) const SESSION_PATH: &str = "/v1/session";

/// Length of an attach ticket in bytes.
const TICKET_BYTES: usize = 32;

const MALFORMED_TICKET: SessionEnd =
    SessionEnd::new(CloseCode::TicketInvalid, "malformed attach ticket");

/// A session that is let in.
#[derive(Debug)]
pub(super) enum Admission {
    /// Bears a valid token.
    Uplink(Permissions),
    /// Bears a ticket that is well formed; the hub knows whether it is valid.
    Downlink(Vec<u8>),
    /// As a downlink: a further session for media from a participant.
    Lane(Vec<u8>),
}

/// The rules of admission.
#[derive(Debug)]
pub(super) struct AdmissionPolicy {
    pub(super) verifier: Verifier,
    pub(super) origins: AllowedOrigins,
}

impl AdmissionPolicy {
    pub(super) fn new(verifier: Verifier, origins: AllowedOrigins) -> Self {
        Self { verifier, origins }
    }

    /// Checks a request to open a session of a page of `origin`, at `authority` (host and port as
    /// the client wrote them). `query` is the part of its URL after the `?`.
    ///
    /// # Errors
    ///
    /// The reason why the session is refused.
    pub(super) fn admit(
        &self,
        origin: Option<&str>,
        authority: &str,
        query: &str,
    ) -> Result<Admission, SessionEnd> {
        if !self.origins.allows(origin, authority) {
            let reason = "the page's origin is not allowed";
            return Err(SessionEnd::new(CloseCode::OriginNotAllowed, reason));
        }
        // A ticket stands for the token that its participant has joined with.
        if let Some(ticket) = parameter(query, "attach") {
            return match BASE64_URL_SAFE_NO_PAD.decode(ticket) {
                Ok(ticket) if ticket.len() != TICKET_BYTES => Err(MALFORMED_TICKET),
                Ok(ticket) if parameter(query, "lane").is_some() => Ok(Admission::Lane(ticket)),
                Ok(ticket) => Ok(Admission::Downlink(ticket)),
                Err(_) => Err(MALFORMED_TICKET),
            };
        }
        let token = parameter(query, "token").unwrap_or_default();
        let permissions = self.verifier.verify(token).map_err(refusal)?;
        Ok(Admission::Uplink(permissions))
    }
}

fn refusal(error: TokenError) -> SessionEnd {
    let (code, reason) = match error {
        TokenError::Expired => (CloseCode::TokenExpired, "the token has expired"),
        TokenError::NotYetValid => (CloseCode::TokenExpired, "the token is not valid yet"),
        _ => (CloseCode::TokenInvalid, "the token is missing or invalid"),
    };
    SessionEnd::new(code, reason)
}

/// A parameter of a query. Percent-encoding is not decoded: tokens and tickets are base64url with
/// dots, which need none, and an encoded one is refused as malformed.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
