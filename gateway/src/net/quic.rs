//! The settings of QUIC, and the loop that accepts its connections.

use std::{io, net::UdpSocket, sync::Arc, time::Duration};

use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, Runtime, ServerConfig, TokioRuntime, TransportConfig,
    VarInt, crypto::rustls::QuicServerConfig,
};
use tracing::info;

use super::{
    duplication::{DuplicatingSocket, Duplication},
    media_window::MediaWindowFactory,
    node::Node,
    webtransport,
};

/// ALPN of HTTP/3.
const ALPN: &[u8] = b"h3";

/// A peer that is silent for so long is gone; browsers use the same value. With four in five
/// packets lost, a peer that sends one ping each second loses fifteen in a row every other minute,
/// and thirty hardly ever. A participant who closes the lid of a laptop stays in the room for so
/// long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// There are many in an idle timeout, since QUIC repeats a lost one ever more slowly.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The round-trip time until one is measured. With the 333 ms of RFC 9002 a lost handshake packet
/// is repeated after a second; most participants are nearer.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Every path carries packets of this size (RFC 9000 §14), and no datagram of ours is longer, so
/// that larger ones would gain nothing. Searching for a larger size costs probes and can fail in
/// the middle of a call.
const MTU: u16 = 1_200;

/// Datagrams that wait inside QUIC for one peer. Small, because QUIC sends them in order and drops
/// the oldest silently; our own queue knows priorities. Large enough for a burst of several
/// segmentation-offload batches.
const DATAGRAM_SEND_BUFFER_BYTES: usize = 64 << 10;

/// Datagrams that may arrive while a session's task waits for its turn: 80 ms at 25 Mbit/s.
const DATAGRAM_RECEIVE_BUFFER_BYTES: usize = 256 << 10;

/// Streams a peer may have open: its request and its control stream, with room for what later
/// versions add; and HTTP/3's three housekeeping streams.
const MAX_STREAMS: u32 = 8;

/// Unread bytes of one stream: two control messages of the longest kind.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;

/// What a peer may leave unacknowledged of its control stream; what waits beyond it is counted, and
/// the peer closed, in [`super::session_handle`].
const SEND_WINDOW_BYTES: u64 = 512 << 10;

/// So many handshakes at a time are served at once. Further peers must first validate their address
/// (Retry).
const UNVALIDATED_HANDSHAKES: usize = 64;

/// The TLS and transport settings of a listener.
pub(super) fn server_config(tls: &Arc<rustls::ServerConfig>) -> io::Result<ServerConfig> {
    let mut tls = rustls::ServerConfig::clone(tls);
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // 0-RTT stays off: a token in a replayed request would open a session twice.
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config()?));
    // The address of a phone changes in the middle of a call.
    config.migration(true);
    Ok(config)
}

fn transport_config() -> io::Result<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .congestion_controller_factory(Arc::new(MediaWindowFactory))
        .max_idle_timeout(Some(
            IdleTimeout::try_from(IDLE_TIMEOUT).map_err(io::Error::other)?,
        ))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(INITIAL_RTT)
        .initial_mtu(MTU)
        .min_mtu(MTU)
        .mtu_discovery_config(None)
        .datagram_send_buffer_size(DATAGRAM_SEND_BUFFER_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BUFFER_BYTES))
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_STREAMS))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(4 * STREAM_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES);
    Ok(transport)
}

/// Makes an endpoint of a bound socket.
pub(super) fn endpoint(
    socket: UdpSocket,
    config: ServerConfig,
    duplication: Arc<Duplication>,
) -> io::Result<Endpoint> {
    socket.set_nonblocking(true)?;
    let socket = TokioRuntime.wrap_udp_socket(socket)?;
    Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        Some(config),
        Arc::new(DuplicatingSocket::new(socket, duplication)),
        Arc::new(TokioRuntime),
    )
}

/// Accepts connections until the endpoint closes.
pub(super) async fn accept(node: Arc<Node>, endpoint: Endpoint, duplication: Arc<Duplication>) {
    while let Some(incoming) = endpoint.accept().await {
        node.metrics.quic_connection();
        let crowded = endpoint.open_connections() > node.sessions() + UNVALIDATED_HANDSHAKES;
        if crowded && !incoming.remote_address_validated() && incoming.may_retry() {
            // Fails only where `may_retry` is false.
            let _ = incoming.retry();
            continue;
        }
        tokio::spawn(webtransport::serve(
            node.clone(),
            duplication.clone(),
            incoming,
        ));
    }
    info!("no longer listening on UDP");
}
