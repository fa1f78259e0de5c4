//! The gateway that bots call: where it is, how it is reached, and who may join.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use smrtc_gateway::auth::{Role, Signer};
use smrtc_native::{Address, Transport};

use super::http;

/// How sessions reach the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TransportName {
    /// UDP.
    Webtransport,
    /// TCP, for paths that block UDP.
    Websocket,
}

/// Where join tokens come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenOptions {
    /// Secret of the gateway's HS256 join tokens [default: ask the gateway, which answers with
    /// --demo].
    #[arg(
        long,
        env = "SMRTC_TOKEN_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    token_secret: Option<String>,

    /// File with that secret.
    #[arg(long, env = "SMRTC_TOKEN_SECRET_FILE", value_name = "FILE")]
    #[arg(conflicts_with = "token_secret")]
    token_secret_file: Option<PathBuf>,

    /// PEM file (PKCS#8) with the P-256 private key of the gateway's ES256 join tokens.
    #[arg(long, env = "SMRTC_TOKEN_PRIVATE_KEY", value_name = "FILE")]
    #[arg(conflicts_with_all = ["token_secret", "token_secret_file"])]
    token_private_key: Option<PathBuf>,
}

/// A gateway that can be called.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// How its sessions are dialled.
    pub(crate) address: Address,
    /// Host and port of its plain HTTP; none if it has TLS.
    pub(crate) plain_http: Option<String>,
    signer: Option<Signer>,
}

impl Gateway {
    /// Finds out how to reach the gateway at a URL, which is `http://` or `https://`, a host and
    /// perhaps a port.
    pub(crate) async fn find(
        url: &str,
        transport: TransportName,
        tokens: &TokenOptions,
    ) -> anyhow::Result<Self> {
        let (scheme, authority) = url
            .trim_end_matches('/')
            .split_once("://")
            .with_context(|| format!("{url} is no URL: give http://HOST:PORT or https://HOST"))?;
        ensure!(
            !authority.is_empty() && !authority.contains('/'),
            "{url} must name a host and perhaps a port, and nothing else"
        );
        let signer = tokens.signer()?;
        match scheme {
            "http" => Self::plain(url, authority, transport, signer).await,
            "https" => {
                ensure!(
                    signer.is_some(),
                    "join tokens need --token-secret or the like"
                );
                let transport = match transport {
                    TransportName::Webtransport => Transport::WebTransport,
                    TransportName::Websocket => Transport::WebSocketTls,
                };
                Ok(Self {
                    address: Address {
                        authority: with_port(authority, 443),
                        transport,
                    },
                    plain_http: None,
                    signer,
                })
            }
            _ => bail!("{url} begins neither with http:// nor with https://"),
        }
    }

    /// One without a certificate that anybody vouches for: it tells the hashes of its own.
    async fn plain(
        url: &str,
        authority: &str,
        transport: TransportName,
        signer: Option<Signer>,
    ) -> anyhow::Result<Self> {
        let authority = with_port(authority, 80);
        let answer = http::get(&authority, "/v1/config")
            .await
            .with_context(|| format!("the gateway at {url} cannot be reached"))?;
        let config: Configuration = serde_json::from_str(&answer)
            .with_context(|| format!("what answers at {url} is no gateway"))?;
        let address = match transport {
            TransportName::Websocket => Address {
                authority: authority.clone(),
                transport: Transport::WebSocket,
            },
            TransportName::Webtransport => Address {
                authority: with_other_port(&authority, config.webtransport.port),
                transport: Transport::WebTransportPinned(config.webtransport.hashes()?),
            },
        };
        Ok(Self {
            address,
            plain_http: Some(authority),
            signer,
        })
    }

    /// A join token for a user of a room.
    pub(crate) async fn token(&self, room: &str, user: &str) -> anyhow::Result<String> {
        if let Some(signer) = &self.signer {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            return Ok(signer.sign(room, user, Role::Anchor, now, TOKEN_LIFETIME)?);
        }
        let authority = self.plain_http.as_deref().context("no way to a token")?;
        let request = serde_json::json!({ "room": room, "user": user }).to_string();
        let answer = http::post(authority, "/v1/demo/token", &request)
            .await
            .context("the gateway gives no tokens: start it with --demo, or give --token-secret")?;
        let answer: TokenAnswer = serde_json::from_str(&answer)?;
        Ok(answer.token)
    }
}

impl TokenOptions {
    fn signer(&self) -> anyhow::Result<Option<Signer>> {
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        if let Some(secret) = &self.token_secret {
            return Ok(Some(
                Signer::hs256(secret.as_bytes()).context("--token-secret")?,
            ));
        }
        if let Some(path) = &self.token_secret_file {
            let secret = read(path)?;
            // As the gateway reads it: editors end files with a line break.
            let is_line_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
            let end = secret.iter().rposition(|byte| !is_line_break(byte));
            let signer = Signer::hs256(&secret[..end.map_or(0, |end| end + 1)]);
            return Ok(Some(signer.context("--token-secret-file")?));
        }
        if let Some(path) = &self.token_private_key {
            let signer = Signer::es256(&read(path)?);
            return Ok(Some(signer.context("--token-private-key")?));
        }
        Ok(None)
    }
}

/// What `/v1/config` says, as far as it matters here.
#[derive(Deserialize)]
struct Configuration {
    webtransport: WebTransport,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebTransport {
    port: u16,
    server_certificate_hashes: Vec<Hash>,
}

#[derive(Deserialize)]
struct Hash {
    value: String,
}

impl WebTransport {
    fn hashes(&self) -> anyhow::Result<Vec<[u8; 32]>> {
        let decode = |hash: &Hash| {
            let bytes = STANDARD.decode(&hash.value).ok()?;
            <[u8; 32]>::try_from(bytes).ok()
        };
        let hashes: Option<Vec<_>> = self.server_certificate_hashes.iter().map(decode).collect();
        hashes.context("the gateway's hashes of certificates cannot be read")
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: String,
}

/// Host and port of a URL without a path.
fn with_port(authority: &str, default: u16) -> String {
    // The colons inside of an IPv6 address are followed by its bracket.
    match authority.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => authority.to_owned(),
        _ => format!("{authority}:{default}"),
    }
}

fn with_other_port(authority: &str, port: u16) -> String {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    format!("{host}:{port}")
}

/// Longer than any run, for a bot that loses its connection joins with the same token again.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_added_to_hosts_and_to_addresses() {
        assert_eq!(with_port("meet.example", 443), "meet.example:443");
        assert_eq!(with_port("[::1]", 80), "[::1]:80");
        assert_eq!(with_port("[::1]:4433", 80), "[::1]:4433");
        assert_eq!(with_other_port("[::1]:4433", 5), "[::1]:5");
    }
}
