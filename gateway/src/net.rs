//! Sockets, tasks and transports: the only async part of the gateway.
//!
//! This module decides nothing about media or rights: [`crate::room`] and [`crate::auth`] decide
//! who may do what, [`crate::hub`] decides what goes where. From the top down: `quic` and `http`
//! accept, `webtransport` and `websocket` are the transports, `session` runs a session, `node`
//! holds what sessions share. Its parts are `shared_hub`, `session_registry`, `admission` and
//! `connection_limit`; none of them knows the node.

mod abort_on_drop;
mod ack_elicitation;
mod admission;
mod allowed_origins;
mod certificate_issuer;
mod clock;
mod connection_limit;
mod datagram_sender;
mod duplication;
mod http;
mod lane_book;
mod log_limit;
mod media_window;
mod node;
mod open_files;
mod quic;
mod session;
mod session_end;
mod session_handle;
mod session_quotas;
mod session_registry;
mod shared_hub;
mod sockets;
mod tcp_limits;
mod websocket;
mod webtransport;

use std::{io, sync::Arc, time::Duration};

use tokio::sync::watch;

pub(crate) use abort_on_drop::AbortOnDrop;
pub(crate) use allowed_origins::AllowedOrigins;
use duplication::Duplication;
pub(crate) use http::HttpConfig;
pub(crate) use node::{Node, NodeConfig};
pub(crate) use open_files::fit as fit_open_files;
pub(crate) use sockets::Sockets;
use sockets::UdpBuffers;
pub use tcp_limits::TcpLimits;

/// Time for QUIC to tell its peers that it closes.
const QUIC_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// All listeners of a node.
#[derive(Debug)]
pub(crate) struct Listeners {
    endpoints: Vec<quinn::Endpoint>,
    stop_http: watch::Sender<bool>,
    _tasks: Vec<AbortOnDrop>,
}

impl Listeners {
    /// Serves QUIC and HTTP on each pair of sockets.
    pub(crate) fn start(
        node: &Arc<Node>,
        sockets: Vec<Sockets>,
        udp_buffer_bytes: usize,
        tls: &Arc<rustls::ServerConfig>,
        http: HttpConfig,
    ) -> io::Result<Self> {
        let (stop_http, stopping) = watch::channel(false);
        let quic = quic::server_config(tls)?;
        let limits = http.limits;
        let server = http::server::HttpServer {
            node: node.clone(),
            tls: http.tls.as_deref().map(http::server::acceptor),
            connections: node.connections.clone(),
            router: http::router(node.clone(), http),
            limits,
            stopping,
        };
        let mut endpoints = Vec::new();
        let mut tasks = Vec::new();
        for Sockets { address, tcp, udp } in sockets {
            node.add_udp(UdpBuffers::set(&udp, address, udp_buffer_bytes)?);
            let duplication = Arc::new(Duplication::new());
            let endpoint = quic::endpoint(udp, quic.clone(), duplication.clone())?;
            tasks.push(AbortOnDrop::spawn(quic::accept(
                node.clone(),
                endpoint.clone(),
                duplication,
            )));
            endpoints.push(endpoint);
            tcp.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(tcp)?;
            tasks.push(AbortOnDrop::spawn(server.clone().run(listener)));
        }
        Ok(Self {
            endpoints,
            stop_http,
            _tasks: tasks,
        })
    }

    /// Refuses new connections; present ones go on.
    pub(crate) fn stop_accepting(&self) {
        for endpoint in &self.endpoints {
            endpoint.set_server_config(None);
        }
        self.stop_http.send_replace(true);
    }

    /// Closes the connections that are left.
    pub(crate) async fn close(self) {
        for endpoint in &self.endpoints {
            endpoint.close(0x100u32.into(), b"");
            let _ = tokio::time::timeout(QUIC_CLOSE_TIMEOUT, endpoint.wait_idle()).await;
        }
    }
}
