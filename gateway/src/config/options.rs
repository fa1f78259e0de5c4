#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the comments are the help of the command line, which has no Markdown"
)]

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use merge2::Merge;
use serde::Deserialize;

use super::{duration, parse_duration};
use crate::auth::Role;

/// All addresses of both families, since "localhost" may be either.
pub(super) const DEFAULT_LISTEN: [SocketAddr; 1] = [SocketAddr::new(
    std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    4433,
)];

/// Whether pages are isolated from pages of other origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Send COOP, COEP and CORP.
    On,
    /// Send none of them; pages go without SharedArrayBuffer.
    Off,
}

/// The options of `serve`. Each is optional here, and defaults are filled in at the end, so that an
/// option that is not given can be told from one that repeats the default.
///
/// Merging keeps each option that is set, and takes from the other what is not.
#[derive(Args, Clone, Debug, Default, Deserialize, Merge, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ServeOptions {
    /// TOML file with any of these options under the same names ("web-root = …"). The environment
    /// and the command line take precedence over it.
    #[arg(long, env = "SMRTC_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Address to listen on: UDP for WebTransport, TCP of the same port number for HTTP and
    /// WebSocket. May be repeated, or a list with commas. [default: [::]:4433, which takes IPv4
    /// too]
    #[arg(
        long,
        env = "SMRTC_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub listen: Option<Vec<SocketAddr>>,

    /// Directory of static files to serve, such as the demo page. [default: none are served]
    #[arg(long, env = "SMRTC_WEB_ROOT", value_name = "DIR")]
    pub web_root: Option<PathBuf>,

    /// Secret that HS256 join tokens are signed with, at least 32 bytes. Other users of the machine
    /// can see a command line: prefer the file or the environment.
    #[arg(
        long,
        env = "SMRTC_TOKEN_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub token_secret: Option<String>,

    /// File with that secret.
    #[arg(long, env = "SMRTC_TOKEN_SECRET_FILE", value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,

    /// PEM file with the P-256 public key that ES256 join tokens are checked with.
    #[arg(long, env = "SMRTC_TOKEN_PUBLIC_KEY", value_name = "FILE")]
    pub token_public_key: Option<PathBuf>,

    /// Give a join token to anybody who asks at POST /v1/demo/token. For demonstrations only: it
    /// makes every room public. Without a secret, a random one is made at each start. [default:
    /// off]
    #[arg(long, env = "SMRTC_DEMO", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub demo: Option<bool>,

    /// PEM file with the certificate chain for QUIC and HTTPS; read again when it changes.
    /// [default: a self-signed certificate, renewed every few days, whose hash pages get from
    /// /v1/config; HTTP without TLS then]
    #[arg(long, env = "SMRTC_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "SMRTC_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// PEM file with the certificate of an SM2 authority (see "ca init"). With it, POST
    /// /v1/certificate certifies that a member's key belongs to the user of its join token; with
    /// --demo anybody can claim to be any user. [default: no certificates are issued]
    #[arg(long, env = "SMRTC_CA_CERTIFICATE", value_name = "FILE")]
    pub ca_certificate: Option<PathBuf>,

    /// PEM file with that authority's private key (PKCS#8).
    #[arg(long, env = "SMRTC_CA_KEY", value_name = "FILE")]
    pub ca_key: Option<PathBuf>,

    /// How long members' certificates are valid, at most 31 days ("12h"). [default: 12h]
    #[arg(long, env = "SMRTC_CA_LIFETIME", value_name = "TIME", value_parser = parse_duration)]
    #[serde(deserialize_with = "duration::deserialize")]
    pub ca_lifetime: Option<Duration>,

    /// Origin whose pages may use the gateway, as browsers write it ("https://app.example.org"), or
    /// "*" for all. May be repeated, or a list with commas. [default: pages of the gateway's own
    /// host, on any port]
    #[arg(
        long,
        env = "SMRTC_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allow_origin: Option<Vec<String>>,

    /// Whether pages are served with the headers that give them SharedArrayBuffer. Turn it off if
    /// they embed content that does not allow it. [default: on]
    #[arg(long, env = "SMRTC_CROSS_ORIGIN_ISOLATION", value_name = "WHEN")]
    pub cross_origin_isolation: Option<Isolation>,

    /// UDP port that pages are told, if a relay stands in front of the gateway. [default: the port
    /// listened on]
    #[arg(long, env = "SMRTC_ADVERTISED_PORT", value_name = "PORT")]
    pub advertised_port: Option<u16>,

    /// Size in bytes of the receive and the send buffer of each UDP socket; 0 leaves the system's
    /// default. If the system grants less, the gateway logs a warning that names the sysctl.
    /// [default: 4194304]
    #[arg(long, env = "SMRTC_UDP_BUFFER", value_name = "BYTES")]
    pub udp_buffer: Option<usize>,

    /// Most TCP connections without a session at a time. For one more, the connection that was
    /// silent for longest is closed, of the address that has the most. [default: 1024]
    #[arg(long, env = "SMRTC_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<usize>,

    /// Most of these connections from one address; raise it if a proxy stands in front of the
    /// gateway. [default: 256]
    #[arg(long, env = "SMRTC_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub max_connections_per_address: Option<usize>,

    /// Most sessions at a time; a participant has two. [default: 2000]
    #[arg(long, env = "SMRTC_MAX_SESSIONS", value_name = "N")]
    pub max_sessions: Option<usize>,

    /// Most rooms at a time. [default: 10000]
    #[arg(long, env = "SMRTC_MAX_ROOMS", value_name = "N")]
    pub max_rooms: Option<usize>,

    /// Most participants of a room. [default: 100]
    #[arg(long, env = "SMRTC_MAX_PARTICIPANTS", value_name = "N")]
    pub max_participants: Option<usize>,

    /// How long calls may go on after SIGTERM, while no new participants are let in ("30s", "10m").
    /// A service manager must wait longer than this and --shutdown-timeout together. [default: 30s]
    #[arg(long, env = "SMRTC_DRAIN_TIMEOUT", value_name = "TIME", value_parser = parse_duration)]
    #[serde(deserialize_with = "duration::deserialize")]
    pub drain_timeout: Option<Duration>,

    /// How long sessions may take to end once they are told to ("5s", "1m"). [default: 5s]
    #[arg(long, env = "SMRTC_SHUTDOWN_TIMEOUT", value_name = "TIME", value_parser = parse_duration)]
    #[serde(deserialize_with = "duration::deserialize")]
    pub shutdown_timeout: Option<Duration>,

    /// Append every media datagram that comes in to this file, each after its length as four bytes.
    #[cfg(feature = "_test_support")]
    #[arg(long, value_name = "FILE")]
    pub record_media: Option<PathBuf>,

    /// Spoil media on its way to subscribers: "flip:EVERY" flips one bit of every EVERY-th
    /// datagram, "replay:EVERY:BACK" sends once more, before every EVERY-th, the one that went BACK
    /// datagrams earlier. May be repeated.
    #[cfg(feature = "_test_support")]
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    #[serde(skip)]
    pub tamper: Option<Vec<crate::interceptor::Rule>>,
}

/// The options of `token`.
#[derive(Args, Clone, Debug)]
pub struct TokenOptions {
    /// Key to sign with.
    #[command(flatten)]
    pub signing: SigningKey,

    /// Room that may be joined.
    #[arg(long, value_name = "ROOM")]
    pub room: String,

    /// User to join as.
    #[arg(long, value_name = "USER")]
    pub user: String,

    /// What the user may do there.
    #[arg(long, value_name = "ROLE", value_enum, default_value = "anchor")]
    pub role: Role,

    /// How long the token is valid ("30m", "12h", "7d").
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "1h")]
    pub ttl: Duration,
}

/// The options of `ca init`.
#[derive(Args, Clone, Debug)]
pub struct CaInitOptions {
    /// Directory to write ca.pem and ca-key.pem into; neither may exist.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,

    /// Common name of the authority.
    #[arg(long, value_name = "NAME", default_value = "smrtc development CA")]
    pub name: String,

    /// How long the authority is valid; it must end before 2050.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "3650d")]
    pub lifetime: Duration,
}

/// A key for signing tokens; exactly one is to be given.
#[derive(Args, Clone, Debug)]
pub struct SigningKey {
    /// Secret of the gateway, for an HS256 token; at least 32 bytes.
    #[arg(
        long,
        env = "SMRTC_TOKEN_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub token_secret: Option<String>,

    /// File with that secret.
    #[arg(long, env = "SMRTC_TOKEN_SECRET_FILE", value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,

    /// PEM file (PKCS#8) with the P-256 private key, for an ES256 token.
    #[arg(long, env = "SMRTC_TOKEN_PRIVATE_KEY", value_name = "FILE")]
    pub token_private_key: Option<PathBuf>,
}
