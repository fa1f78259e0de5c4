//! Certificates over HTTP, checked by the members' own code.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::{Server, now, settings, token, token_at};
use smrtc_e2ee::{
    Rng, RngError,
    mls::{CertificateError, Identity, Suite, TrustAnchors},
};
use smrtc_gateway::ca::{self, Authority};

const SM2: Suite = Suite::Sm2Sm4GcmSm3;

struct Random;

impl Rng for Random {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        rand::fill(out);
        Ok(())
    }
}

/// A gateway with an authority, and the authority's certificate.
async fn server(lifetime: Duration, origins: &[&str]) -> (Server, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let day = Duration::from_secs(86_400);
    let [certificate, key] = ca::init(directory.path(), "Test root", now(), day).unwrap();
    let mut settings = settings();
    settings.authority = Some(Authority::load(&certificate, &key, lifetime).unwrap());
    settings.allow_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    let text = std::fs::read_to_string(certificate).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    (
        Server::start(settings).await,
        BASE64_STANDARD.decode(base64).unwrap(),
    )
}

fn pem(request: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(request);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----\n")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// The certificates of a successful response.
fn chain(response: &str) -> Vec<Vec<u8>> {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("no-store"),
        "{response}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let certificates = body["certificates"].as_array().unwrap();
    certificates
        .iter()
        .map(|text| BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn a_certificate_of_the_tokens_user_is_one_that_members_accept() {
    let hour = Duration::from_secs(3600);
    let (server, root) = server(hour, &[]).await;
    let anchors = TrustAnchors::new(SM2, &[&root]).unwrap();
    for user in ["alice", "张三 & 李四", &"x".repeat(128)] {
        // What the request says of its subject does not matter: the token does.
        let key = Identity::generate(SM2, "somebody else", &mut Random).unwrap();
        let request = pem(&key.certificate_request(&mut Random).unwrap());
        let headers = bearer(&token("room", user));
        let response = server
            .http("POST", "/v1/certificate", &headers, &request)
            .await;
        let chain = chain(&response);
        assert_eq!(chain[1], root);
        let at = now().as_secs();
        assert_eq!(anchors.verify(&chain, at).as_deref(), Ok(user));
        let later = at + 2 * 3600;
        assert_eq!(
            anchors.verify(&chain, later),
            Err(CertificateError::Expired)
        );
        let identity = Identity::with_chain(SM2, user, key.secret().expose(), &chain).unwrap();
        assert!(identity.is_certified());
    }
}

#[tokio::test]
async fn each_refusal_has_its_status_and_a_sentence() {
    let (server, _) = server(Duration::from_secs(60), &["https://app.example"]).await;
    let key = Identity::generate(SM2, "alice", &mut Random).unwrap();
    let request = pem(&key.certificate_request(&mut Random).unwrap());
    let p256 = Identity::generate(Suite::P256Aes128GcmSha256, "alice", &mut Random).unwrap();
    let p256 = pem(&p256.certificate_request(&mut Random).unwrap());
    let good = bearer(&token("room", "alice"));
    let old = bearer(&token_at(
        "room",
        "alice",
        now() - Duration::from_secs(7200),
    ));
    let foreign = format!("{good}Origin: https://evil.example\r\n");
    let page = format!("{good}Origin: https://app.example\r\n");
    for (headers, body, status, words) in [
        ("", request.as_str(), 401, "token"),
        ("Authorization: Basic YTpi\r\n", &request, 401, "token"),
        (&bearer("x.y.z"), &request, 401, "token"),
        (&old, &request, 401, "expired"),
        (&foreign, &request, 403, "--allow-origin"),
        (&good, "", 400, "PKCS#10"),
        (&good, &p256, 400, "SM2"),
        (&good, &"x".repeat(8000), 413, ""),
        (&page, &request, 200, "certificates"),
    ] {
        let response = server.http("POST", "/v1/certificate", headers, body).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {response}"
        );
        assert!(response.contains(words), "{words}: {response}");
    }
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: authorization\r\n";
    let response = server
        .http("OPTIONS", "/v1/certificate", preflight, "")
        .await
        .to_lowercase();
    assert!(
        response.contains("access-control-allow-headers: content-type,authorization"),
        "{response}"
    );
}

#[tokio::test]
async fn without_an_authority_there_are_none_and_with_one_not_too_many() {
    let none = Server::start(settings()).await;
    let headers = bearer(&token("room", "alice"));
    let response = none.http("POST", "/v1/certificate", &headers, "").await;
    assert!(response.starts_with("HTTP/1.1 404") && response.contains("--ca-certificate"));

    let (server, _) = server(Duration::from_secs(60), &[]).await;
    // Two hundred at once, and twenty in each second that this takes.
    let mut asked = 0;
    loop {
        let response = server.http("POST", "/v1/certificate", &headers, "").await;
        asked += 1;
        if response.starts_with("HTTP/1.1 429") {
            break;
        }
        assert!(
            response.starts_with("HTTP/1.1 400") && asked < 10_000,
            "{response}"
        );
    }
    assert!(asked > 200, "{asked}");
}
