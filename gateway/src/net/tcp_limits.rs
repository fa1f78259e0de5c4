use std::time::Duration;

/// What TCP connections may cost. A connection that has become a WebSocket is a session, and under
/// their limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Most connections without a session. For one more, the one that was silent longest is closed.
    /// Default 1,024.
    pub connections: usize,
    /// Most of these from one address; an IPv6 /64 counts as one. Default 256.
    pub connections_per_address: usize,
    /// Time for the header of a request, and for the next one to begin; default 15 s.
    pub header_timeout: Duration,
    /// Time for the rest of a request and to answer it; default 20 s.
    pub request_timeout: Duration,
    /// How long a peer may read nothing of what is sent, WebSockets too; default 20 s.
    pub write_timeout: Duration,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 256,
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(20),
        }
    }
}
