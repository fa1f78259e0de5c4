//! How QUIC is set up, and why.

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

/// A peer that says nothing for so long is gone, browsers think so too. Where four in five packets
/// get lost, of somebody who sends nothing but a ping each second fifteen in a row are lost every
/// other minute, and thirty hardly ever; somebody who closed the lid stays in the room as long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Many in an idle timeout: each asks for an answer, and QUIC repeats a lost one ever more slowly.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Assumed until measured. RFC 9002 says 333 ms, with which a lost handshake packet is repeated
/// after a second; most users of a conference are nearer.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Every path carries so much (RFC 9000 §14), and no datagram of ours is longer, so larger packets
/// would gain nothing; searching for them costs probes and can meet a black hole in the middle of a
/// call.
const MTU: u16 = 1_200;

/// What waits inside QUIC for one peer. Small, because it leaves in the order it came and drops its
/// oldest in silence: the queue that knows what is dear is ours. Large enough for a burst of
/// several segmentation-offload batches.
const DATAGRAM_SEND_BUFFER_BYTES: usize = 64 << 10;

/// What may come in while a session's task waits for its turn; at 25 Mbit/s, 80 ms.
const DATAGRAM_RECEIVE_BUFFER_BYTES: usize = 256 << 10;

/// Streams a peer may have open: its request and its control stream, with room for what later
/// versions add; and HTTP/3's three housekeeping streams.
const MAX_STREAMS: u32 = 8;

/// Unread bytes of one stream: two control messages of the longest kind.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;

/// What a peer may leave unacknowledged of its control stream; what waits beyond it is counted, and
/// the peer closed, in [`super::session_handle`].
const SEND_WINDOW_BYTES: u64 = 512 << 10;

/// So many handshakes at once are served without question; beyond that a peer must prove its
/// address first.
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

/// Takes connections in until the endpoint closes.
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
