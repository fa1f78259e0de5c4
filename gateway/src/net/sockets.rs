//! The sockets that the gateway listens on: of both address families, with large buffers, and how
//! large the kernel made them.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, UdpSocket},
};

use rustix::net::sockopt::{
    set_socket_recv_buffer_size_force as force_recv,
    set_socket_send_buffer_size_force as force_send,
};
use socket2::{Domain, SockRef, Socket, Type};
use tracing::{info, warn};

use crate::ops::{Kind, PrometheusText};

/// Connections that may wait to be accepted: after an interruption all clients come back at once.
const BACKLOG: i32 = 4_096;

/// Upper bound of a buffer: the kernel doubles the number and counts in 31 bits.
const MAX_BYTES: usize = 1 << 29;

/// A pair of sockets at one address.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) address: SocketAddr,
    pub(super) tcp: TcpListener,
    pub(super) udp: UdpSocket,
}

impl Sockets {
    /// Binds the same port number for UDP and TCP. With port 0 the system picks one for TCP, which
    /// UDP may find taken: then again. `beside` are all addresses that are going to be bound.
    pub(crate) fn bind(address: SocketAddr, beside: &[SocketAddr]) -> io::Result<Self> {
        let only_v6 = beside.iter().any(|other| {
            other.is_ipv4() && other.ip().is_unspecified() && other.port() == address.port()
        });
        let mut attempts = if address.port() == 0 { 20 } else { 1 };
        loop {
            let tcp = socket(address, Type::STREAM, only_v6)?;
            tcp.set_reuse_address(true)?;
            tcp.bind(&address.into())?;
            tcp.listen(BACKLOG)?;
            let tcp = TcpListener::from(tcp);
            let bound = tcp.local_addr()?;
            attempts -= 1;
            let udp = socket(bound, Type::DGRAM, only_v6)?;
            match udp.bind(&bound.into()) {
                Ok(()) => {
                    return Ok(Self {
                        address: bound,
                        tcp,
                        udp: udp.into(),
                    });
                }
                Err(_) if attempts > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A new socket. One of IPv6 takes IPv4 too, whatever the system's default, unless `only_v6`.
fn socket(address: SocketAddr, kind: Type, only_v6: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    Ok(socket)
}

/// The buffers of a UDP socket, and the datagrams lost because they were full.
#[derive(Clone, Copy, Debug)]
pub(super) struct UdpBuffers {
    address: SocketAddr,
    /// Names the socket in the kernel's tables.
    inode: u64,
    /// Bytes, as asked for: without the kernel's overhead.
    receive: usize,
    send: usize,
}

impl UdpBuffers {
    /// Asks the system for buffers of `bytes` each, unless that is 0, and logs what it granted.
    pub(super) fn set(udp: &UdpSocket, address: SocketAddr, bytes: usize) -> io::Result<Self> {
        let socket = SockRef::from(udp);
        let bytes = bytes.min(MAX_BYTES);
        if bytes > 0 {
            // The first call may exceed the system's limits, but needs privileges; the second is
            // silently cut to the limits.
            if force_recv(udp, bytes).is_err() {
                let _ = socket.set_recv_buffer_size(bytes);
            }
            if force_send(udp, bytes).is_err() {
                let _ = socket.set_send_buffer_size(bytes);
            }
        }
        let buffers = Self {
            address,
            inode: rustix::fs::fstat(udp)?.st_ino,
            receive: granted(socket.recv_buffer_size()?),
            send: granted(socket.send_buffer_size()?),
        };
        let Self { receive, send, .. } = buffers;
        info!(%address, receive, send, "UDP buffers in bytes");
        for (granted, name) in [(receive, "net.core.rmem_max"), (send, "net.core.wmem_max")] {
            if granted < bytes {
                warn!(
                    %address, granted, asked = bytes,
                    "the system grants smaller UDP buffers than asked for, so bursts get lost: sysctl -w {name}={bytes}"
                );
            }
        }
        Ok(buffers)
    }

    /// Datagrams that the kernel dropped because this socket was not read in time. Reads a file:
    /// not on the media thread.
    fn drops(&self) -> Option<u64> {
        let table = if self.address.is_ipv4() {
            "/proc/net/udp"
        } else {
            "/proc/net/udp6"
        };
        drops(&fs::read_to_string(table).ok()?, self.inode)
    }
}

/// The kernel counts its own overhead in, and doubles what it is asked for (socket(7)).
fn granted(bytes: usize) -> usize {
    if cfg!(target_os = "linux") {
        bytes / 2
    } else {
        bytes
    }
}

/// The last column of the line whose tenth is `inode` (proc_net(5)).
fn drops(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace().skip(9);
        let of: u64 = columns.next()?.parse().ok()?;
        (of == inode).then(|| columns.nth(2)?.parse().ok())?
    })
}

/// The metrics of all sockets. Reads files: not on the media thread.
pub(super) fn render(sockets: &[UdpBuffers]) -> String {
    let mut text = PrometheusText::default();
    let mut metric = |kind, name, help, value: &dyn Fn(&UdpBuffers) -> Option<u64>| {
        let values = sockets
            .iter()
            .filter_map(|socket| Some((socket.address, value(socket)?)));
        text.labelled(kind, name, help, "address", values);
    };
    metric(
        Kind::Gauge,
        "udp_receive_buffer_bytes",
        "Receive buffer that the system granted.",
        &|socket| Some(socket.receive as u64),
    );
    metric(
        Kind::Gauge,
        "udp_send_buffer_bytes",
        "Send buffer that the system granted.",
        &|socket| Some(socket.send as u64),
    );
    metric(
        Kind::Counter,
        "udp_dropped_datagrams_total",
        "Datagrams that the kernel dropped because the receive buffer was full.",
        &UdpBuffers::drops,
    );
    text.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_read_of_the_right_socket() {
        let table = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  977: 0100007F:A1E7 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1626 2 0000000000000000 7
 1431: 00000000:1151 00000000:0000 07 00000000:00025500 00:00000000 00000000  1000        0 162612 2 0000000000000000 4242
";
        assert_eq!(drops(table, 162_612), Some(4_242));
        assert_eq!(drops(table, 1_626), Some(7));
        assert_eq!(drops(table, 2), None);
        assert_eq!(drops("", 2), None);
        assert_eq!(drops("sl\n 1: a b", 2), None);
    }

    #[test]
    fn what_the_kernel_drops_is_counted_and_a_large_buffer_drops_nothing() {
        for (address, bytes) in [
            ("127.0.0.1:0", 4_096),
            ("[::1]:0", 4_096),
            ("127.0.0.1:0", 2 << 20),
        ] {
            let sockets = Sockets::bind(address.parse().unwrap(), &[]).unwrap();
            let buffers = UdpBuffers::set(&sockets.udp, sockets.address, bytes).unwrap();
            assert_eq!(buffers.drops(), Some(0));
            let sender = UdpSocket::bind((sockets.address.ip(), 0)).unwrap();
            for _ in 0..100 {
                sender.send_to(&[0; 1_000], sockets.address).unwrap();
            }
            // The loopback delivers before `send_to` returns, so whatever was not dropped waits to
            // be read.
            sockets.udp.set_nonblocking(true).unwrap();
            let arrived = std::iter::repeat_with(|| sockets.udp.recv(&mut [0; 2_000]))
                .take_while(Result::is_ok)
                .count() as u64;
            assert_eq!(buffers.drops(), Some(100 - arrived), "{address} {bytes}");
            let is_small = bytes < 100 * 1_000;
            assert_eq!(arrived < 100, is_small, "{arrived} of 100, {buffers:?}");
            let text = render(&[buffers]);
            let line = format!(
                "smrtc_udp_dropped_datagrams_total{{address=\"{}\"}} {}\n",
                sockets.address,
                100 - arrived
            );
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn both_families_at_one_port_are_two_pairs_of_sockets() {
        let v4 = Sockets::bind("0.0.0.0:0".parse().unwrap(), &[]).unwrap();
        let port = v4.address.port();
        let v6 = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port);
        let both = [v4.address, v6];
        let v6 = Sockets::bind(v6, &both).unwrap();
        assert_eq!(v6.address.port(), port);
    }
}
