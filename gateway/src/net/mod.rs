//! Sockets, tasks and transports: the only part that says `async`.
//!
//! What this module is not: a place for decisions. Who may what is [`crate::room`]'s and
//! [`crate::auth`]'s, what goes where [`crate::hub`]'s; here it is carried.

mod admission;
mod answers;
mod certificate;
mod clock;
mod congestion;
mod connections;
mod copying;
mod descriptors;
mod h3;
mod handshake;
mod http;
mod lanes;
mod log_limit;
mod lossy_peers;
mod node;
mod origin;
mod outlet;
mod quic;
mod serve;
mod session;
mod shares;
mod sockets;
mod tasks;
mod tcp;
mod varint;
mod websocket;
mod webtransport;

use std::{io, sync::Arc, time::Duration};

use tokio::sync::watch;

use copying::Copies;
pub(crate) use descriptors::fit as fit_descriptors;
pub(crate) use http::HttpConfig;
pub(crate) use node::{Node, NodeConfig};
pub(crate) use origin::AllowedOrigins;
pub use serve::TcpLimits;
pub(crate) use sockets::Sockets;
use sockets::UdpBuffers;
pub(crate) use tasks::AbortOnDrop;

/// Time for QUIC to say goodbye.
const QUIC_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Everything that listens.
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
        let server = serve::Server {
            node: node.clone(),
            tls: http.tls.as_deref().map(serve::acceptor),
            connections: node.connections.clone(),
            router: http::router(node.clone(), http),
            limits,
            stopping,
        };
        let mut endpoints = Vec::new();
        let mut tasks = Vec::new();
        for Sockets { address, tcp, udp } in sockets {
            node.add_udp(UdpBuffers::set(&udp, address, udp_buffer_bytes)?);
            let copies = Arc::new(Copies::new());
            let endpoint = quic::endpoint(udp, quic.clone(), copies.clone())?;
            tasks.push(AbortOnDrop::spawn(quic::accept(
                node.clone(),
                endpoint.clone(),
                copies,
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

    /// Refuses what is new; what is there goes on.
    pub(crate) fn stop_accepting(&self) {
        for endpoint in &self.endpoints {
            endpoint.set_server_config(None);
        }
        self.stop_http.send_replace(true);
    }

    /// Ends what is still there.
    pub(crate) async fn close(self) {
        for endpoint in &self.endpoints {
            endpoint.close(0x100u32.into(), b"");
            let _ = tokio::time::timeout(QUIC_CLOSE_TIMEOUT, endpoint.wait_idle()).await;
        }
    }
}
