//! `smrtc-loadgen impair` as a process, between two real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than a busy machine keeps a runnable process waiting. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Relay {
    child: Child,
    reports: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Does nothing to one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Relay {
    fn start(target: SocketAddr, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"))
            .args(["impair", "--listen", "127.0.0.1:0"])
            .args(["--to", &target.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let reports = BufReader::new(child.stdout.take().unwrap());
        let mut words = String::new();
        BufReader::new(child.stderr.take().unwrap())
            .read_line(&mut words)
            .unwrap();
        // "impair: 127.0.0.1:4711 -> …": the relay listens when it says so.
        let address = words.split(' ').nth(1).and_then(|word| word.parse().ok());
        Self {
            child,
            reports,
            address: address.unwrap_or_else(|| panic!("no address in {words:?}")),
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status();
        assert!(kill.unwrap().success());
    }

    fn report(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.reports.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Asks for reports until one fits.
    fn wait_for(&mut self, fits: impl Fn(&serde_json::Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.signal("-USR1");
            let report = self.report();
            if fits(&report) {
                return;
            }
            assert!(Instant::now() < deadline, "{report}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(mut self) -> serde_json::Value {
        self.signal("-TERM");
        let report = self.report();
        assert!(self.child.wait().unwrap().success());
        report
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
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
        let mut relay = Relay::start(target.local_addr().unwrap(), &options);
        let mut came = Vec::new();
        for number in 0..60u8 {
            client.send_to(&[number], relay.address).unwrap();
        }
        // When all are lost or sent on, what was sent on lies in the socket: no wait for what will
        // not come.
        relay.wait_for(|report| {
            let up = |name: &str| report["up"][name].as_u64().unwrap();
            up("lost") + up("packets_out") == 60
        });
        target.set_nonblocking(true).unwrap();
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
fn a_line_on_standard_input_changes_the_path_and_setup_is_spared() {
    let (client, target) = (bind(), bind());
    let mut relay = Relay::start(target.local_addr().unwrap(), &["--spare-setup"]);
    let mut buffer = [0; 8];
    let (stun, rtp) = (0, 128);
    client.send_to(&[rtp], relay.address).unwrap();
    assert_eq!(target.recv_from(&mut buffer).unwrap().0, 1);

    let mut input = relay.child.stdin.take().unwrap();
    input.write_all(b"--loss 1 --direction up\n").unwrap();
    // The counters come in answer: the path has changed by now.
    assert_eq!(relay.report()["up"]["packets_out"], 1);
    client.send_to(&[rtp], relay.address).unwrap();
    client.send_to(&[stun], relay.address).unwrap();
    target.recv_from(&mut buffer).unwrap();
    assert_eq!(
        buffer[0], stun,
        "RTP came through a path that loses all of it"
    );

    let report = relay.stop();
    assert_eq!(report["up"]["lost"], 1);
    assert_eq!(report["up"]["packets_out"], 2);
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
