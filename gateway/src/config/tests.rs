use std::{fs, time::Duration};

use clap::Parser;

use super::*;
use crate::auth::{self, Signer};

/// The options as the program parses them; environment variables are the process's, so tests set
/// none here.
#[derive(Parser)]
struct Program {
    #[command(flatten)]
    options: ServeOptions,
}

fn parse(arguments: &[&str]) -> ServeOptions {
    Program::parse_from([&["program"], arguments].concat()).options
}

const SECRET: &str = "a secret of at least thirty-two bytes";

#[test]
fn the_command_line_is_above_the_file_and_both_above_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    fs::write(
        &file,
        format!(
            "listen = ['127.0.0.1:5000']\ntoken-secret = '{SECRET}'\nmax-rooms = 7\nmax-sessions = 9\n\
             shutdown-timeout = '2s'\nallow-origin = ['https://a.example']\ncross-origin-isolation = 'off'\n"
        ),
    )
    .unwrap();
    let settings = parse(&["--config", file.to_str().unwrap(), "--max-rooms", "8"])
        .with_file()
        .unwrap()
        .into_settings()
        .unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:5000".parse().unwrap()]);
    assert_eq!(settings.limits.rooms, 8, "the command line");
    assert_eq!(settings.max_sessions, 9, "the file");
    assert_eq!(settings.limits.room.participants, 100, "the default");
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(2));
    assert_eq!(settings.allow_origins, ["https://a.example"]);
    assert!(!settings.cross_origin_isolation);
    assert!(settings.demo_signer.is_none());
}

/// Why the gateway does not start with these options.
fn message(arguments: &[&str]) -> String {
    parse(arguments).into_settings().unwrap_err().to_string()
}

#[test]
fn limits_of_zero_and_texts_that_are_no_origins_are_refused() {
    for limit in [
        "--max-sessions",
        "--max-rooms",
        "--max-participants",
        "--max-connections",
        "--max-connections-per-address",
    ] {
        assert!(message(&["--demo", limit, "0"]).starts_with(limit));
    }
    for origin in [
        "app.example.org",
        "https://",
        "://app.example",
        "https://app.example/page",
        "https://*.example",
        "",
    ] {
        assert!(message(&["--demo", "--allow-origin", origin]).contains("--allow-origin"));
    }
    for origin in [
        "*",
        "null",
        "https://a.example:8443/",
        "http://[::1]:8080",
        "chrome-extension://abc",
    ] {
        assert!(
            parse(&["--demo", "--allow-origin", origin])
                .into_settings()
                .is_ok()
        );
    }
}

#[test]
fn mistakes_are_named() {
    assert!(message(&[]).contains("--token-secret"));
    assert!(message(&["--token-secret", "short"]).contains("32 bytes"));
    assert!(message(&["--token-secret", SECRET, "--token-secret-file", "x"]).contains("only one"));
    assert!(message(&["--token-secret-file", "/does/not/exist"]).contains("/does/not/exist"));
    assert!(message(&["--demo", "--certificate", "x"]).contains("--key"));
    assert!(message(&["--demo", "--ca-certificate", "x"]).contains("--ca-key"));
    assert!(message(&["--demo", "--ca-lifetime", "1h"]).contains("--ca-certificate"));
    let unreadable = [
        "--demo",
        "--ca-certificate",
        "/does/not/exist",
        "--ca-key",
        "x",
    ];
    assert!(message(&unreadable).contains("/does/not/exist"));
    assert!(message(&["--demo", "--web-root", "/does/not/exist"]).contains("--web-root"));
    assert!(message(&["--demo", "--token-public-key", "x"]).contains("--demo"));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    fs::write(&file, "max-rooms = 7\nmax-roms = 8\n").unwrap();
    let error = parse(&["--config", file.to_str().unwrap()])
        .with_file()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("max-roms") && error.contains("gateway.toml"),
        "{error}"
    );
}

#[test]
fn demo_needs_no_secret_and_its_tokens_verify() {
    let settings = parse(&["--demo"]).into_settings().unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let signer = settings.demo_signer.unwrap();
    let token = signer
        .sign(
            "room",
            "user",
            auth::Role::Anchor,
            now,
            Duration::from_secs(60),
        )
        .unwrap();
    assert!(settings.verifier.verify(&token).is_ok());
}

#[test]
fn a_secret_file_may_end_with_a_new_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let options = parse(&["--token-secret-file", file.to_str().unwrap()]);
    let verifier = options.into_settings().unwrap().verifier;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let signer = Signer::hs256(SECRET.as_bytes()).unwrap();
    let token = signer
        .sign(
            "room",
            "user",
            auth::Role::Anchor,
            now,
            Duration::from_secs(60),
        )
        .unwrap();
    assert!(verifier.verify(&token).is_ok());
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, millis) in [
        ("500ms", 500),
        ("10", 10_000),
        ("10s", 10_000),
        ("1.5s", 1_500),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("1h 30m", 5_400_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
    }
    for wrong in [
        "",
        "s",
        "-1s",
        "1 fortnight",
        "5M",
        "99999999999999999999",
        "99999999999999999999s",
    ] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_key_and_an_authority_that_can_serve_nobody_are_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key.pem");
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    fs::write(&file, pair.public_key_pem()).unwrap();
    let options = parse(&["--token-public-key", file.to_str().unwrap()]);
    let error = options.into_settings().unwrap_err().to_string();
    assert!(
        error.contains("--token-public-key") && error.contains("P-384"),
        "{error}"
    );

    let hour = Duration::from_secs(3600);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for (name, from, word) in [
        ("past", now - 3 * hour, Some("expired")),
        ("future", now + 3 * hour, Some("not valid yet")),
        ("now", now, None),
    ] {
        let [certificate, key] = ca::init(&directory.path().join(name), name, from, hour).unwrap();
        let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
        let options = parse(&["--demo", "--ca-certificate", certificate, "--ca-key", key]);
        match (options.into_settings(), word) {
            (Err(error), Some(word)) => assert!(error.to_string().contains(word), "{error}"),
            (started, word) => assert_eq!(started.is_ok(), word.is_none(), "{name}"),
        }
    }
    let none = ca::init(&directory.path().join("none"), "None", now, Duration::ZERO);
    assert!(none.is_err());
}
