//! The limit of open files of the process: each TCP connection is one.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

use super::tcp_limits::TcpLimits;

/// Other open files: UDP sockets, listeners, the runtime's own, files that are served.
const OTHERS: usize = 256;

/// Raises the process's soft limit to the hard one, and lowers the limit of connections to what
/// fits. If the sessions would not fit as WebSockets, it logs a warning.
pub(crate) fn fit(mut tcp: TcpLimits, max_sessions: usize) -> TcpLimits {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            warn!(%error, "cannot raise the limit of open files");
        }
    }
    let most = getrlimit(Resource::Nofile).current;
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    // The rest is for sessions.
    tcp.connections = tcp.connections.min(most / 4).max(1);
    let wanted = max_sessions.saturating_add(tcp.connections + OTHERS);
    if most < wanted {
        warn!(
            limit = most,
            wanted, "the limit of open files is too low if all sessions come by WebSocket"
        );
    }
    tcp
}
