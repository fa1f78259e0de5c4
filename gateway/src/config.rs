//! What the command line, the environment and a file say, in that order of precedence, over the
//! defaults.
//!
//! Each option exists three times under one name: `--web-root`, `SMRTC_WEB_ROOT`, `web-root = …` in
//! the TOML file.

mod duration;
mod options;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    Settings, TcpLimits,
    auth::{self, KeyError, Signer, Verifier},
    ca::{self, Authority, AuthorityError},
    tls::PemFiles,
};

pub use duration::{Written, parse_duration};
pub use options::{CaInitOptions, Isolation, ServeOptions, SigningKey, TokenOptions};

/// Why a configuration cannot be used. The sentence names the option.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that an option names cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    /// The configuration file is not TOML, or holds an option that does not exist or a value that
    /// does not fit.
    #[error("in {0}: {1}")]
    File(PathBuf, #[source] Box<toml::de::Error>),
    /// No key for tokens.
    #[error("give one of --token-secret, --token-secret-file and --token-public-key, or --demo")]
    NoTokenKey,
    /// More than one key for tokens.
    #[error("give only one of {0}")]
    TwoTokenKeys(&'static str),
    /// A key for tokens that is no good.
    #[error("{0}: {1}")]
    TokenKey(&'static str, #[source] KeyError),
    /// `--demo` signs tokens itself, which a public key cannot.
    #[error("--demo needs a secret, not --token-public-key")]
    DemoWithPublicKey,
    /// Only one of the two PEM files.
    #[error("--certificate and --key go together")]
    HalfCertificate,
    /// Only one of the two files of the authority, or a lifetime without them.
    #[error("--ca-certificate and --ca-key go together; --ca-lifetime needs them")]
    HalfAuthority,
    /// An authority that is no good.
    #[error("--ca-certificate and --ca-key: {0}")]
    Authority(#[from] AuthorityError),
    /// A limit that lets nobody in.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// An origin that no browser sends.
    #[error(
        "--allow-origin \"{0}\" is no origin: write it as browsers do, \"https://app.example.org\", or \"*\" for all"
    )]
    Origin(String),
    /// The web root is not a directory.
    #[error("--web-root {0} is not a directory")]
    WebRoot(PathBuf),
}

impl ServeOptions {
    /// Adds what the file named by `--config` says, below what is set already.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] and [`ConfigError::File`].
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = self.config.clone() else {
            return Ok(self);
        };
        let text =
            fs::read_to_string(&path).map_err(|error| ConfigError::Read(path.clone(), error))?;
        let file: Self =
            toml::from_str(&text).map_err(|error| ConfigError::File(path, Box::new(error)))?;
        Ok(self.or(file))
    }

    /// Checks everything and fills in the defaults.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn into_settings(self) -> Result<Settings, ConfigError> {
        let demo = self.demo.unwrap_or(false);
        let (verifier, signer) = self.token_keys(demo)?;
        self.check()?;
        let defaults = Settings::new(
            self.listen
                .unwrap_or_else(|| options::DEFAULT_LISTEN.to_vec()),
            verifier,
        );
        let pem = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(PemFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(ConfigError::HalfCertificate),
        };
        let lifetime = self.ca_lifetime.map_or(ca::DEFAULT_LIFETIME, Into::into);
        let authority = match (&self.ca_certificate, &self.ca_key) {
            (Some(certificate), Some(key)) => {
                let authority = Authority::load(certificate, key, lifetime)?;
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                authority.check(now.unwrap_or_default())?;
                Some(authority)
            }
            (None, None) if self.ca_lifetime.is_none() => None,
            _ => return Err(ConfigError::HalfAuthority),
        };
        if let Some(root) = &self.web_root
            && !root.is_dir()
        {
            return Err(ConfigError::WebRoot(root.clone()));
        }
        let tcp = TcpLimits {
            connections: self.max_connections.unwrap_or(defaults.tcp.connections),
            connections_per_address: self
                .max_connections_per_address
                .unwrap_or(defaults.tcp.connections_per_address),
            ..defaults.tcp
        };
        let mut limits = defaults.limits;
        limits.rooms = self.max_rooms.unwrap_or(limits.rooms);
        limits.room.participants = self.max_participants.unwrap_or(limits.room.participants);
        Ok(Settings {
            demo_signer: demo.then_some(signer).flatten(),
            authority,
            pem,
            web_root: self.web_root,
            cross_origin_isolation: self.cross_origin_isolation.unwrap_or(Isolation::On)
                == Isolation::On,
            allow_origins: self.allow_origin.unwrap_or_default(),
            advertised_port: self.advertised_port,
            udp_buffer_bytes: self.udp_buffer.unwrap_or(defaults.udp_buffer_bytes),
            tcp,
            max_sessions: self.max_sessions.unwrap_or(defaults.max_sessions),
            drain_timeout: self
                .drain_timeout
                .map_or(defaults.drain_timeout, Into::into),
            shutdown_timeout: self
                .shutdown_timeout
                .map_or(defaults.shutdown_timeout, Into::into),
            limits,
            #[cfg(feature = "_test_support")]
            interceptor: crate::interceptor::Interceptor::open(
                self.record_media.as_deref(),
                self.tamper.unwrap_or_default(),
            )
            .map_err(|error| ConfigError::Read(self.record_media.unwrap_or_default(), error))?,
            ..defaults
        })
    }

    /// Refuses what would start and then serve nobody.
    fn check(&self) -> Result<(), ConfigError> {
        let limits = [
            ("--max-sessions", self.max_sessions),
            ("--max-rooms", self.max_rooms),
            ("--max-participants", self.max_participants),
            ("--max-connections", self.max_connections),
            (
                "--max-connections-per-address",
                self.max_connections_per_address,
            ),
        ];
        if let Some((name, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
            return Err(ConfigError::Zero(name));
        }
        let mut origins = self.allow_origin.iter().flatten();
        match origins.find(|origin| !is_origin(origin)) {
            Some(origin) => Err(ConfigError::Origin(origin.clone())),
            None => Ok(()),
        }
    }

    fn token_keys(&self, demo: bool) -> Result<(Verifier, Option<Signer>), ConfigError> {
        let given = [
            self.token_secret.is_some(),
            self.token_secret_file.is_some(),
            self.token_public_key.is_some(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(ConfigError::TwoTokenKeys(
                "--token-secret, --token-secret-file and --token-public-key",
            ));
        }
        if let Some(path) = &self.token_public_key {
            if demo {
                return Err(ConfigError::DemoWithPublicKey);
            }
            let verifier = Verifier::es256(&read(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-public-key", error))?;
            return Ok((verifier, None));
        }
        let (name, secret) = match (&self.token_secret, &self.token_secret_file) {
            (Some(secret), _) => ("--token-secret", secret.as_bytes().to_vec()),
            (None, Some(path)) => ("--token-secret-file", secret_of(path)?),
            (None, None) if demo => ("--demo", auth::random_secret().to_vec()),
            (None, None) => return Err(ConfigError::NoTokenKey),
        };
        let key = |error| ConfigError::TokenKey(name, error);
        Ok((
            Verifier::hs256(&secret).map_err(key)?,
            Some(Signer::hs256(&secret).map_err(key)?),
        ))
    }
}

/// Scheme, host and perhaps port, with nothing behind them but the slash that people write; or what
/// stands for none and for all.
fn is_origin(text: &str) -> bool {
    if text == "*" || text == "null" {
        return true;
    }
    let Some((scheme, host)) = text.trim_end_matches('/').split_once("://") else {
        return false;
    };
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    !scheme.is_empty()
        && scheme.chars().all(is_scheme)
        && !host.is_empty()
        && !host.contains(|c: char| "/?#@,*".contains(c) || c.is_whitespace())
}

impl SigningKey {
    /// The signer that the options describe.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn signer(&self) -> Result<Signer, ConfigError> {
        match (
            &self.token_secret,
            &self.token_secret_file,
            &self.token_private_key,
        ) {
            (Some(secret), None, None) => Signer::hs256(secret.as_bytes())
                .map_err(|error| ConfigError::TokenKey("--token-secret", error)),
            (None, Some(path), None) => Signer::hs256(&secret_of(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-secret-file", error)),
            (None, None, Some(path)) => Signer::es256(&read(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-private-key", error)),
            (None, None, None) => Err(ConfigError::NoTokenKey),
            _ => Err(ConfigError::TwoTokenKeys(
                "--token-secret, --token-secret-file and --token-private-key",
            )),
        }
    }
}

/// The bytes of a secret's file without the line end that editors add.
fn secret_of(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut secret = read(path)?;
    while secret
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        secret.pop();
    }
    Ok(secret)
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| ConfigError::Read(path.to_owned(), error))
}
