use smrtc_engine::wire::CloseCode;

/// Why a session ends: what the peer is told when it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionEnd {
    pub(super) code: CloseCode,
    pub(super) reason: &'static str,
}

impl SessionEnd {
    pub(super) const fn new(code: CloseCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}
