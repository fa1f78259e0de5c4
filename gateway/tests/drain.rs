//! How a gateway ends: by a drain, at once, and by which signal.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{
    BOTH, Client, Over, Packet, SECRET, Server, Session, open_websocket, settings, token,
};
use rustix::process::{Pid, Signal, kill_process};
use smrtc_engine::{control::v1::MediaKind, wire::media::MediaPacket};

/// Longer than anything here takes on a busy machine. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn call(server: &Server, over: Over) -> (Client, Client) {
    let room = format!("{over:?}");
    let mut publisher = server.join(over, &room, "publisher").await;
    let mut viewer = server.join(over, &room, "viewer").await;
    publisher.publish(1, MediaKind::Video).await;
    viewer.subscribe(publisher.id(), 1).await;
    (publisher, viewer)
}

async fn passes(publisher: &Client, viewer: &mut Client, seq: u16) {
    let packet = Packet::video(publisher.id(), seq);
    publisher.uplink.send_datagram(&packet.encode());
    let received = viewer.downlink.datagram_of(1).await;
    assert_eq!(MediaPacket::parse(&received).unwrap().transport_seq, seq);
}

#[tokio::test]
async fn while_a_gateway_drains_calls_go_on_and_nobody_new_comes_in() {
    let mut settings = settings();
    settings.drain_timeout = 2 * PATIENCE;
    let server = Server::start(settings).await;
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 200"));
    let mut calls = Vec::new();
    for over in BOTH {
        calls.push((over, call(&server, over).await));
    }
    let drained = server.gateway.drain();
    let during = async {
        loop {
            let readiness = server.get("/readyz").await;
            if readiness.starts_with("HTTP/1.1 503") {
                assert!(readiness.contains("retry-after: 5"), "{readiness}");
                break;
            }
        }
        assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
        let began = Instant::now();
        let mut seq = 0;
        while began.elapsed() < Duration::from_secs(1) || seq < 20 {
            for (_, (publisher, viewer)) in &mut calls {
                passes(publisher, viewer, seq).await;
            }
            seq += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (over, (publisher, viewer)) in &mut calls {
            let query = format!("token={}", token("room", "new"));
            assert_eq!(server.open(*over, &query).await.closed().await, 4503);
            // What belongs to a call is let in: a downlink after an interruption.
            let query = format!("attach={}", viewer.ticket());
            viewer.downlink = server.open(*over, &query).await;
            viewer
                .downlink
                .send_datagram(&[5, 0x10, 0, 0, 0, 0, 0, 0, 0, 7]);
            assert_eq!(viewer.downlink.datagram_of(6).await[0], 6);
            assert!(publisher.uplink.is_open());
        }
        drop(calls);
    };
    // Over when everybody has left, though there would be time.
    let (began, ((), ())) = (Instant::now(), tokio::join!(drained, during));
    assert!(began.elapsed() < 2 * PATIENCE);
    assert_eq!(server.metric("smrtc_sessions").await, 0);
}

/// The gateway's program, which ends with the test.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let secret = std::str::from_utf8(SECRET).unwrap();
        // A low limit of open files, as many systems set it.
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -Sn 200 && exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_smrtc-gateway"))
            .args(["serve", "--listen", "127.0.0.1:0", "--token-secret", secret])
            .args(arguments)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the gateway to start").unwrap();
            if let Some((_, rest)) = line.split_once("TCP address=") {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
        };
        // What it says goes on to be read, or it would stand still.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until new sessions are refused.
    async fn refuses(&self) {
        let began = Instant::now();
        let query = format!("token={}", token("room", "new"));
        loop {
            let mut session = open_websocket(self.address, &query, None).await;
            tokio::select! {
                code = session.closed() => {
                    assert_eq!(code, 4503);
                    return;
                }
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            assert!(began.elapsed() < PATIENCE, "still lets people in");
        }
    }

    async fn ended(&mut self) {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn join(program: &Program) -> Session {
    let query = format!("token={}", token("room", "user"));
    let mut session = open_websocket(program.address, &query, None).await;
    session.join().await;
    session
}

#[tokio::test]
async fn sigterm_drains_and_another_ends_the_drain() {
    for second in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&["--drain-timeout", "1h"]);
        let mut session = join(&program).await;
        program.signal(Signal::HUP);
        program.signal(Signal::TERM);
        program.refuses().await;
        assert!(session.is_open() && program.child.try_wait().unwrap().is_none());
        program.signal(second);
        assert_eq!(session.closed().await, 4503);
        program.ended().await;
    }
}

#[tokio::test]
async fn a_drain_ends_calls_after_its_time() {
    let mut program = Program::start(&["--drain-timeout", "1s"]);
    let mut session = join(&program).await;
    let began = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(session.closed().await, 4503);
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    program.ended().await;
}

#[tokio::test]
async fn sigint_ends_at_once_and_sighup_does_not_end() {
    let mut program = Program::start(&["--drain-timeout", "1h"]);
    let mut session = join(&program).await;
    program.signal(Signal::HUP);
    // Once it has been dealt with, the gateway still answers.
    let query = format!("token={}", token("room", "another"));
    let mut another = open_websocket(program.address, &query, None).await;
    another.join().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.child.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let [soft, hard] = files.unwrap().split_whitespace().collect::<Vec<_>>()[3..5] else {
        panic!("{limits}")
    };
    assert_eq!(soft, hard, "raised from 200");
    program.signal(Signal::INT);
    assert_eq!(session.closed().await, 4503);
    assert_eq!(another.closed().await, 4503);
    program.ended().await;
}
