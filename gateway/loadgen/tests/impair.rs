//! `smrtc-loadgen impair` as a process, between two real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    fn start(target: SocketAddr, options: &[&str]) -> Self {
        // The port is free a moment before the relay takes it; nobody else asks in between.
        let address = bind().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"))
            .args(["impair", "--listen", &address.to_string()])
            .args(["--to", &target.to_string()])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while UdpSocket::bind(address).is_ok() {
            assert!(Instant::now() < deadline, "the relay does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, address }
    }

    fn stop(mut self) -> serde_json::Value {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut text = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&text).unwrap()
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    socket
}

#[test]
fn packets_go_both_ways_after_the_delay_and_counters_come_at_the_end() {
    let (client, target) = (bind(), bind());
    let relay = Relay::start(target.local_addr().unwrap(), &["--delay", "20ms"]);

    let start = Instant::now();
    let mut buffer = [0; 64];
    client.send_to(b"question", relay.address).unwrap();
    let (length, from) = target.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"question");
    target.send_to(b"answer", from).unwrap();
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (&b"answer"[..], relay.address));
    assert!(start.elapsed() >= Duration::from_millis(40));

    let report = relay.stop();
    assert_eq!(report["clients"], 1);
    assert_eq!(report["up"]["packets_out"], 1);
    assert_eq!(report["down"]["bytes_out"], 6);
}

#[test]
fn the_same_seed_loses_the_same_packets() {
    let run = |seed: &str| {
        let (client, target) = (bind(), bind());
        let options = ["--loss", "0.5", "--direction", "up", "--seed", seed];
        let relay = Relay::start(target.local_addr().unwrap(), &options);
        let mut came = Vec::new();
        for number in 0..60u8 {
            client.send_to(&[number], relay.address).unwrap();
        }
        let mut buffer = [0; 8];
        while target.recv_from(&mut buffer).is_ok() {
            came.push(buffer[0]);
        }
        let report = relay.stop();
        assert_eq!(report["up"]["packets_in"], 60);
        assert_eq!(report["up"]["lost"], 60 - came.len());
        came
    };
    let first = run("5");
    assert!((10..50).contains(&first.len()), "{first:?}");
    assert_eq!(first, run("5"));
    assert_ne!(first, run("6"));
}

#[test]
fn nonsense_is_refused_with_words() {
    let output = Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"))
        .args([
            "impair",
            "--listen",
            "127.0.0.1:0",
            "--to",
            "127.0.0.1:9",
            "--loss",
            "30",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("between 0 and 1"));
}
