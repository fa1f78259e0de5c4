//! Accepts TCP connections and serves HTTP on them. Everything that a peer can delay has a timeout.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::tcp_stream::{Stream, Tcp};
use crate::net::{
    connection_limit::{ConnectionLimit, CountedConnection},
    log_limit::LogLimit,
    node::Node,
    tcp_limits::TcpLimits,
};

/// Time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory of a connection for unparsed input, and for output that waits to be written.
const BUFFER_BYTES: usize = 32 << 10;

/// The address of the peer that sent a request.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Peer(pub(in crate::net) SocketAddr);

/// The HTTP server of one listener.
#[derive(Clone)]
pub(in crate::net) struct HttpServer {
    pub(in crate::net) node: Arc<Node>,
    pub(in crate::net) router: Router,
    pub(in crate::net) tls: Option<TlsAcceptor>,
    pub(in crate::net) connections: Arc<ConnectionLimit>,
    pub(in crate::net) limits: TcpLimits,
    pub(in crate::net) stopping: watch::Receiver<bool>,
}

/// The TLS settings of HTTP on TCP.
pub(in crate::net) fn acceptor(config: &rustls::ServerConfig) -> TlsAcceptor {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

impl HttpServer {
    /// Accepts connections until it is told to stop, then waits for the present ones to end.
    pub(in crate::net) async fn run(self, listener: TcpListener) {
        // Aborts all connections if this task is aborted.
        let mut tasks = JoinSet::new();
        let mut stopping = self.stopping.clone();
        let refused = LogLimit::default();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, remote)) => {
                        let counted = self.count(remote);
                        tasks.spawn(self.clone().connection(tcp, remote, counted));
                    }
                    Err(error) => self.cannot_accept(&error, &refused).await,
                },
                Some(_) = tasks.join_next() => {}
                () = stopped(&mut stopping) => break,
            }
        }
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    fn count(&self, remote: SocketAddr) -> CountedConnection {
        let (counted, has_evicted) = self.connections.enter(self.node.clock.now(), remote.ip());
        if has_evicted {
            self.node.metrics.tcp_evicted();
        }
        counted
    }

    /// Most likely the process has no file descriptors left. Closes an idle connection and waits a
    /// moment.
    async fn cannot_accept(&self, error: &io::Error, refused: &LogLimit) {
        if let Some(left_out) = refused.line(self.node.clock.now()) {
            warn!(%error, left_out, "cannot accept a TCP connection");
        }
        if self.connections.evict() {
            self.node.metrics.tcp_evicted();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// The life of a connection. When it becomes a WebSocket, this ends and it is no longer
    /// counted.
    async fn connection(self, tcp: TcpStream, remote: SocketAddr, counted: CountedConnection) {
        let entry = counted.entry.clone();
        let tcp = Tcp::new(
            tcp,
            self.node.clock,
            entry.clone(),
            self.limits.write_timeout,
        );
        tokio::select! {
            () = self.serve(tcp, remote) => {}
            () = entry.evicted() => debug!(%remote, "idle connection closed: there are too many"),
        }
    }

    async fn serve(self, tcp: Tcp, remote: SocketAddr) {
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some(tls) => match timeout(HANDSHAKE_TIMEOUT, tls.accept(tcp)).await {
                Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                Ok(Err(error)) => return debug!(%remote, %error, "TLS handshake failed"),
                Err(_) => return debug!(%remote, "no TLS handshake in time"),
            },
        };
        let router = TowerToHyperService::new(self.router);
        let within = self.limits.request_timeout;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(remote));
            let response = router.call(request);
            async move {
                let response: Result<Response, Infallible> = match timeout(within, response).await {
                    Ok(response) => response,
                    Err(_) => Ok(StatusCode::REQUEST_TIMEOUT.into_response()),
                };
                response
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut stopping = self.stopping;
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%remote, %error, "HTTP connection ended");
        }
    }
}

/// Waits for the signal to stop, or until its sender is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
