//! Who is let in: path, origin, then token or ticket, before anything of a room is touched.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use smrtc_engine::wire::CloseCode;

use super::{node::Node, session_handle::SessionEnd};
use crate::auth::{Permissions, TokenError};

/// The one path that sessions have.
pub(super) const SESSION_PATH: &str = "/v1/session";

/// Length of an attach ticket in bytes.
const TICKET_BYTES: usize = 32;

const MALFORMED_TICKET: SessionEnd = SessionEnd {
    code: CloseCode::TicketInvalid,
    reason: "malformed attach ticket",
};

/// A session that may go on.
#[derive(Debug)]
pub(super) enum Admission {
    /// Bears a valid token.
    Uplink(Permissions),
    /// Bears something of the form of a ticket.
    Downlink(Vec<u8>),
    /// The same, for another way that media of its participant come in.
    Lane(Vec<u8>),
}

/// Checks a request to open a session. `query` is what follows the `?`.
pub(super) fn admit(
    node: &Node,
    origin: Option<&str>,
    authority: &str,
    query: &str,
) -> Result<Admission, SessionEnd> {
    if !node.origins.allows(origin, authority) {
        return Err(SessionEnd {
            code: CloseCode::OriginNotAllowed,
            reason: "the page's origin is not allowed",
        });
    }
    if let Some(ticket) = parameter(query, "attach") {
        return match BASE64_URL_SAFE_NO_PAD.decode(ticket) {
            Ok(ticket) if ticket.len() != TICKET_BYTES => Err(MALFORMED_TICKET),
            Ok(ticket) if parameter(query, "lane").is_some() => Ok(Admission::Lane(ticket)),
            Ok(ticket) => Ok(Admission::Downlink(ticket)),
            Err(_) => Err(MALFORMED_TICKET),
        };
    }
    let token = parameter(query, "token").unwrap_or_default();
    node.verifier
        .verify(token)
        .map(Admission::Uplink)
        .map_err(|error| match error {
            TokenError::Expired => SessionEnd {
                code: CloseCode::TokenExpired,
                reason: "the token has expired",
            },
            TokenError::NotYetValid => SessionEnd {
                code: CloseCode::TokenExpired,
                reason: "the token is not valid yet",
            },
            _ => SessionEnd {
                code: CloseCode::TokenInvalid,
                reason: "the token is missing or invalid",
            },
        })
}

/// Both values are base64url with dots, which no one needs to escape; an escaped one is refused as
/// malformed.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
