use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../vectors/x509")
        .join(name);
    fs::read(path).unwrap()
}

fn authority(directory: &Path, lifetime: Duration) -> Authority {
    let [certificate, key] = init(directory, "Test root", NOW, 24 * 365 * HOUR).unwrap();
    Authority::load(&certificate, &key, lifetime).unwrap()
}

#[test]
fn what_init_writes_loads_and_is_never_overwritten_nor_readable_by_others() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/ca");
    let authority = authority(&directory, HOUR);
    assert_eq!(
        fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        format!("{authority:?}"),
        "Authority(CN=Test root, [redacted])"
    );
    let key = directory.join("ca-key.pem");
    let before = fs::read(&key).unwrap();
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = init(&directory, "Test root", NOW, HOUR);
    assert!(matches!(again, Err(InitError::Create(path, _)) if path == key));
    assert_eq!(fs::read(&key).unwrap(), before);
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert!(matches!(
            init(&directory, name, NOW, HOUR),
            Err(InitError::Argument)
        ));
    }
    // The year 2050 does not fit into UTCTime.
    let elsewhere = tempfile::tempdir().unwrap();
    let late = init(elsewhere.path(), "Late", NOW, 24 * 365 * 30 * HOUR);
    assert!(matches!(late, Err(InitError::Argument)));
    assert!(fs::read_dir(elsewhere.path()).unwrap().next().is_none());
}

#[test]
fn a_request_of_openssl_is_answered_and_one_that_is_not_right_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = authority(directory.path(), HOUR);
    let request = vector("request.der");
    let issued = authority.issue("张三 (a)", &request, NOW).unwrap();
    assert_eq!(issued.not_after, NOW + HOUR);
    let text = pem("CERTIFICATE REQUEST", &request);
    assert!(authority.issue("alice", text.as_bytes(), NOW).is_ok());
    let leaf = Certificate::from_der(&issued.chain[0]).unwrap();
    let uri = b"smrtc-user:%E5%BC%A0%E4%B8%89%20%28a%29";
    assert!(
        issued.chain[0]
            .windows(uri.len())
            .any(|window| window == uri)
    );
    assert_eq!(leaf.tbs_certificate().issuer().to_string(), "CN=Test root");

    let other_id = vector("request_other_id.der");
    assert_eq!(
        authority.issue("alice", &other_id, NOW),
        Err(IssueError::Signature)
    );
    for (bytes, error) in [
        (vec![], IssueError::Malformed),
        (vec![0x30, 0], IssueError::Malformed),
        (vec![0; 10_000], IssueError::Malformed),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\n".to_vec(),
            IssueError::Malformed,
        ),
        (vector("alice.der"), IssueError::Malformed),
    ] {
        assert_eq!(authority.issue("alice", &bytes, NOW), Err(error));
    }
    for bit in 0..request.len() * 8 {
        let mut bad = request.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(authority.issue("alice", &bad, NOW).is_err(), "bit {bit}");
    }
}

#[test]
fn certificates_end_with_their_authority() {
    let directory = tempfile::tempdir().unwrap();
    let authority = authority(directory.path(), HOUR);
    let request = vector("request.der");
    let end = NOW + 24 * 365 * HOUR;
    let last = authority.issue("alice", &request, end - HOUR / 2).unwrap();
    assert_eq!(last.not_after, end);
    let expired = authority.issue("alice", &request, end);
    assert_eq!(expired, Err(IssueError::AuthorityExpired));
}

#[test]
fn keys_and_certificates_that_do_not_fit_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] = init(directory.path(), "One", NOW, HOUR).unwrap();
    let other = tempfile::tempdir().unwrap();
    let [_, other_key] = init(other.path(), "Other", NOW, HOUR).unwrap();
    let load = |certificate: &Path, key: &Path, lifetime| {
        Authority::load(certificate, key, lifetime)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        load(&certificate, &other_key, HOUR),
        AuthorityError::Mismatch
    ));
    assert!(matches!(load(&key, &key, HOUR), AuthorityError::Parse(path, _) if path == key));
    assert!(matches!(
        load(&certificate, &key, Duration::ZERO),
        AuthorityError::Lifetime
    ));
    assert!(matches!(
        load(&certificate, &key, MAX_LIFETIME * 2),
        AuthorityError::Lifetime
    ));
    let none = directory.path().join("none.pem");
    assert!(matches!(load(&none, &key, HOUR), AuthorityError::Read(path, _) if path == none));
    let p256 = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let path = directory.path().join("p256.pem");
    fs::write(&path, p256).unwrap();
    assert!(matches!(
        load(&certificate, &path, HOUR),
        AuthorityError::Key
    ));
    // A member's certificate makes no authority, even with its key.
    let (leaf, secret) = (
        directory.path().join("leaf.pem"),
        directory.path().join("leaf-key.pem"),
    );
    let member = smrtc_crypto::sm2::SecretKey::generate(&mut key::SystemRng).unwrap();
    let issuer = Authority::load(&certificate, &key, HOUR).unwrap();
    let own = Leaf {
        user: "alice",
        public_key: member.public_key(),
        issuer: &issuer.name,
        times: Times {
            not_before: NOW,
            not_after: NOW + HOUR,
        },
    };
    let der = issue(&own, &issuer.key, &mut SystemRng).unwrap();
    fs::write(&leaf, pem("CERTIFICATE", &der).as_bytes()).unwrap();
    fs::write(
        &secret,
        pem("PRIVATE KEY", &key::encode(&member).unwrap()).as_bytes(),
    )
    .unwrap();
    assert!(matches!(
        load(&leaf, &secret, HOUR),
        AuthorityError::Certificate
    ));
}
