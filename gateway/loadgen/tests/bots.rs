//! `smrtc-loadgen bots` as a process, against a real gateway.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use smrtc_gateway::auth::{Signer, Verifier};
use smrtc_gateway::{Gateway, Settings};

const SECRET: &str = "a secret of at least thirty-two bytes";

async fn gateway() -> (Gateway, String) {
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let verifier = Verifier::hs256(SECRET.as_bytes()).unwrap();
    let mut settings = Settings::new(vec![listen], verifier);
    settings.demo_signer = Some(Signer::hs256(SECRET.as_bytes()).unwrap());
    let gateway = Gateway::start(settings).await.unwrap();
    let url = format!("http://{}", gateway.addresses()[0]);
    (gateway, url)
}

fn bots(gateway: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"));
    command
        .args(["bots", "--gateway", gateway])
        .args(arguments)
        .env_remove("SMRTC_TOKEN_SECRET");
    command
}

/// The report of a run that went well.
fn report(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a run that failed says; it must not print a report.
fn failure(gateway: &str, arguments: &[&str]) -> String {
    let output = bots(gateway, arguments).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// A number under a path of names.
fn number(report: &Value, path: &str) -> f64 {
    let value = report.pointer(path);
    let number = value.and_then(Value::as_f64);
    number.unwrap_or_else(|| panic!("no number at {path} of {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rooms_of_two_see_hear_and_agree_over_each_transport_and_suite() {
    let (_gateway, url) = gateway().await;
    // Once with a secret and the number of the gateway's process, which is this one; once all is
    // asked of the gateway.
    let pid = std::process::id().to_string();
    let told = ["--token-secret", SECRET, "--gateway-pid", &pid];
    for (transport, suite, told) in [
        ("webtransport", "sm4", &told[..]),
        ("websocket", "aes", &[]),
    ] {
        let arguments = [
            ["--rooms", "2"],
            ["--people", "2"],
            ["--seconds", "3"],
            ["--room", transport],
            ["--transport", transport],
            ["--suite", suite],
        ];
        let arguments = [&arguments.concat()[..], told].concat();
        let output = bots(&url, &arguments).output().unwrap();
        let report = report(&output);
        assert_eq!(report["transport"], transport);
        assert_eq!(report["suite"], suite);
        assert_eq!(report["peopleJoined"], 4);
        assert_eq!(report["interrupted"], false);
        assert_eq!(number(&report, "/joinMs/count"), 4.0);
        assert_eq!(report["missing"], Value::Array(Vec::new()), "{report:#}");
        assert_eq!(number(&report, "/framesOfOtherRooms"), 0.0);

        // Each sends to one other: what is received was sent, and nearly all of it.
        for (kind, unit, rate) in [("video", "frames", 15.0), ("audio", "packets", 50.0)] {
            let count = |what| number(&report, &format!("/{kind}/{unit}{what}"));
            let (sent, expected, received) = (count("Sent"), count("Expected"), count("Received"));
            assert!(sent >= 4.0 * rate && received <= sent, "{kind}: {report:#}");
            assert!(received >= 0.5 * expected, "{kind}: {report:#}");
            assert!(received >= 4.0 * rate, "{kind}: {report:#}");
            let delay = |what| number(&report, &format!("/{kind}/delayMs/{what}"));
            assert!(delay("min") <= delay("median") && delay("median") <= delay("p95"));
            assert!(
                delay("median") > 0.0 && delay("median") < 5_000.0,
                "{report:#}"
            );
        }
        let concealed = number(&report, "/audio/concealedShare");
        // On loopback nothing is lost; a busy machine is late now and then.
        assert!((0.0..0.5).contains(&concealed), "{report:#}");
        for room in [0, 1] {
            let room = &report["rooms"][room];
            let code = room["verificationCode"].as_str();
            assert!(
                code.is_some_and(|code| code.split(' ').count() == 6),
                "{room}"
            );
            assert!(number(room, "/epoch") >= 1.0 && number(room, "/agreedMs") > 0.0);
        }
        assert_ne!(
            report["rooms"][0]["verificationCode"],
            report["rooms"][1]["verificationCode"]
        );
        assert!(number(&report, "/gatewayProcess/memoryBytes") > 1e6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_interrupted_reports_what_it_has_though_nobody_publishes() {
    let (_gateway, url) = gateway().await;
    let arguments = ["--people", "2", "--publish", "0", "--seconds", "3600"];
    let mut command = bots(&url, &arguments);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // It says when everybody is in.
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    assert!(line.contains("2 of 2"), "{line}");
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status();
    assert!(kill.unwrap().success());
    let report = report(&child.wait_with_output().unwrap());
    assert_eq!(report["interrupted"], true);
    assert_eq!(number(&report, "/video/framesSent"), 0.0);
    assert_eq!(report["video"]["delayMs"], Value::Null);
    assert_eq!(report["missing"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_a_sentence_and_a_failure() {
    let (_gateway, url) = gateway().await;
    // Nothing listens on port 1, which needs a privilege.
    let nobody = failure("http://127.0.0.1:1", &[]);
    assert!(
        nobody.contains("http://127.0.0.1:1 cannot be reached"),
        "{nobody}"
    );
    let no_url = failure("127.0.0.1:1", &[]);
    assert!(no_url.contains("is no URL"), "{no_url}");
    let empty = failure(&url, &["--people", "0"]);
    assert!(empty.contains("'--people <N>'"), "{empty}");
    let more = failure(&url, &["--people", "2", "--publish", "3"]);
    assert!(
        more.contains("--publish 3 is more than there are people"),
        "{more}"
    );
    let audio = failure(&url, &["--audio", "no/such.wav"]);
    assert!(
        audio.contains("no/such.wav cannot be used as audio"),
        "{audio}"
    );

    // A gateway that knows another secret.
    let secret = "another secret of thirty-two bytes";
    let refused = failure(&url, &["--token-secret", secret]);
    assert!(
        refused.contains("nobody could join") && refused.contains("TokenInvalid"),
        "{refused}"
    );
}
