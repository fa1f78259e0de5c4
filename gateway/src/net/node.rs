//! What the listeners, sessions and HTTP handlers of a node share.
//!
//! A node only puts parts together, each with a lock of its own: [`SharedHub`] (the rooms and the
//! sessions of their participants), [`SessionRegistry`] (all sessions and their limits),
//! [`ConnectionLimit`] (TCP connections without a session).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use smrtc_engine::{
    control::{
        encode_delimited,
        v1::{self, ServerMessage, server_message::Body},
    },
    wire::CloseCode,
};
use tokio::sync::Semaphore;
use tracing::info;

use super::{
    admission::{Admission, AdmissionPolicy},
    allowed_origins::AllowedOrigins,
    certificate_issuer::CertificateIssuer,
    clock::Clock,
    connection_limit::ConnectionLimit,
    log_limit::LogLimit,
    session_end::SessionEnd,
    session_handle::SessionHandle,
    session_registry::{Entrance, SessionRegistry},
    shared_hub::SharedHub,
    sockets::UdpBuffers,
    tcp_limits::TcpLimits,
};
use crate::{
    auth::{Signer, Verifier},
    ca::Authority,
    hub::Limits,
    ops::Metrics,
};

/// Refused WebSockets that are told why in a close code, at a time. Further ones get an HTTP
/// status, which a page cannot see.
const MAX_REFUSALS: usize = 256;

/// How often [`Node::drained`] looks whether sessions are left.
const DRAIN_CHECK: Duration = Duration::from_millis(20);

/// What everything that serves has in common.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) clock: Clock,
    pub(super) admission: AdmissionPolicy,
    /// Signs tokens for the demo page; absent without `--demo`.
    pub(super) demo_signer: Option<Signer>,
    /// Certifies members; absent unless configured.
    pub(super) issuer: Option<CertificateIssuer>,
    pub(super) metrics: Metrics,
    /// TCP connections without a session.
    pub(super) connections: Arc<ConnectionLimit>,
    pub(super) refusals: Arc<Semaphore>,
    refusal_log: LogLimit,
    /// One for each listener, once they are set up.
    udp: Mutex<Vec<UdpBuffers>>,
    pub(super) hub: SharedHub,
    sessions: Arc<SessionRegistry>,
}

/// What [`Node`] is made from.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    pub(crate) verifier: Verifier,
    pub(crate) demo_signer: Option<Signer>,
    pub(crate) authority: Option<Authority>,
    pub(crate) origins: AllowedOrigins,
    pub(crate) max_sessions: usize,
    pub(crate) tcp: TcpLimits,
    pub(crate) limits: Limits,
    #[cfg(feature = "_test_support")]
    pub(crate) interceptor: crate::interceptor::Interceptor,
}

impl Node {
    pub(crate) fn new(config: NodeConfig) -> Self {
        let clock = Clock::start();
        let issuer = config
            .authority
            .map(|authority| CertificateIssuer::new(authority, clock.now()));
        Self {
            clock,
            admission: AdmissionPolicy::new(config.verifier, config.origins),
            demo_signer: config.demo_signer,
            issuer,
            metrics: Metrics::default(),
            connections: Arc::new(ConnectionLimit::new(
                config.tcp.connections,
                config.tcp.connections_per_address,
            )),
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
            refusal_log: LogLimit::default(),
            udp: Mutex::default(),
            hub: SharedHub::new(
                clock,
                config.limits,
                #[cfg(feature = "_test_support")]
                config.interceptor,
            ),
            sessions: Arc::new(SessionRegistry::new(config.max_sessions)),
        }
    }

    /// Counts an admitted session in, if there is a place; see [`SessionRegistry::enter`].
    pub(super) fn enter(
        &self,
        handle: &Arc<SessionHandle>,
        admission: Result<Admission, SessionEnd>,
    ) -> Entrance {
        let has_ticket = |ticket: &[u8]| self.hub.read(|hub| hub.has_ticket(ticket));
        self.sessions.enter(handle, admission?, has_ticket)
    }

    /// Counts and logs a session that was not let in.
    pub(super) fn refused(&self, remote: SocketAddr, end: SessionEnd) {
        self.metrics.refused(end.code);
        if let Some(left_out) = self.refusal_log.line(self.clock.now()) {
            let (code, reason) = (end.code.code(), end.reason);
            info!(%remote, code, reason, left_out, "session refused");
        }
    }

    /// Adds a listener's UDP socket to the metrics.
    pub(super) fn add_udp(&self, buffers: UdpBuffers) {
        self.udp_state().push(buffers);
    }

    /// The listeners' UDP sockets, for the metrics.
    pub(super) fn udp(&self) -> Vec<UdpBuffers> {
        self.udp_state().clone()
    }

    fn udp_state(&self) -> MutexGuard<'_, Vec<UdpBuffers>> {
        self.udp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sessions that are open.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Lets no new participant in.
    pub(crate) fn drain(&self) {
        self.sessions.drain();
    }

    /// Whether new participants are let in.
    pub(super) fn is_ready(&self) -> bool {
        self.sessions.is_open()
    }

    /// Tells every session that the node closes, and lets no more in.
    pub(crate) fn close(&self) {
        let reason = "the gateway is shutting down";
        let closing = ServerMessage {
            reply_to: 0,
            body: Some(Body::Closing(v1::Closing {
                code: CloseCode::Unavailable.code().into(),
                reason: reason.to_owned(),
            })),
        };
        let closing = Bytes::from(encode_delimited(&closing));
        self.sessions.stop_admitting();
        self.hub.send_to_all(&closing);
        self.sessions
            .end_all(SessionEnd::new(CloseCode::Unavailable, reason));
    }

    /// Waits until no session is left.
    pub(crate) async fn drained(&self) {
        while self.sessions() > 0 {
            tokio::time::sleep(DRAIN_CHECK).await;
        }
    }
}
