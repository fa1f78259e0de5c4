//! The options of the command line, the environment and the configuration file, in this order of
//! precedence, over the defaults.
//!
//! Each option exists three times under one name: `--web-root`, `SMRTC_WEB_ROOT`, `web-root = …` in
//! the TOML file.

mod duration;
mod options;
#[cfg(test)]
mod tests;
mod token_keys;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use merge2::Merge;

use crate::{
    Settings,
    auth::KeyError,
    ca::{self, Authority, AuthorityError},
    tls::PemFiles,
};

pub use duration::parse_duration;
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
    /// A key for tokens that cannot be used.
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
    /// An authority that cannot be used.
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
    /// Takes options that are not set from the file named by `--config`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] and [`ConfigError::File`].
    pub fn with_file(mut self) -> Result<Self, ConfigError> {
        let Some(path) = self.config.clone() else {
            return Ok(self);
        };
        let text =
            fs::read_to_string(&path).map_err(|error| ConfigError::Read(path.clone(), error))?;
        let mut file: Self =
            toml::from_str(&text).map_err(|error| ConfigError::File(path, Box::new(error)))?;
        self.merge(&mut file);
        Ok(self)
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
        let pem = self.pem()?;
        let authority = self.authority()?;
        #[cfg(feature = "_test_support")]
        let interceptor = self.interceptor()?;

        let listen = self
            .listen
            .unwrap_or_else(|| options::DEFAULT_LISTEN.to_vec());
        let mut settings = Settings::new(listen, verifier);
        settings.demo_signer = signer.filter(|_| demo);
        settings.pem = pem;
        settings.authority = authority;
        settings.web_root = self.web_root;
        settings.advertised_port = self.advertised_port;
        let isolation = self
            .cross_origin_isolation
            .map(|isolation| isolation == Isolation::On);
        set(&mut settings.cross_origin_isolation, isolation);
        set(&mut settings.allow_origins, self.allow_origin);
        set(&mut settings.udp_buffer_bytes, self.udp_buffer);
        set(&mut settings.tcp.connections, self.max_connections);
        set(
            &mut settings.tcp.connections_per_address,
            self.max_connections_per_address,
        );
        set(&mut settings.max_sessions, self.max_sessions);
        set(&mut settings.limits.rooms, self.max_rooms);
        set(
            &mut settings.limits.room.participants,
            self.max_participants,
        );
        set(&mut settings.drain_timeout, self.drain_timeout);
        set(&mut settings.shutdown_timeout, self.shutdown_timeout);
        #[cfg(feature = "_test_support")]
        {
            settings.interceptor = interceptor;
        }
        Ok(settings)
    }

    fn pem(&self) -> Result<Option<PemFiles>, ConfigError> {
        match (self.certificate.clone(), self.key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(PemFiles { certificate, key })),
            (None, None) => Ok(None),
            _ => Err(ConfigError::HalfCertificate),
        }
    }

    fn authority(&self) -> Result<Option<Authority>, ConfigError> {
        match (&self.ca_certificate, &self.ca_key) {
            (Some(certificate), Some(key)) => {
                let lifetime = self.ca_lifetime.unwrap_or(ca::DEFAULT_LIFETIME);
                let authority = Authority::load(certificate, key, lifetime)?;
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                authority.check(now.unwrap_or_default())?;
                Ok(Some(authority))
            }
            (None, None) if self.ca_lifetime.is_none() => Ok(None),
            _ => Err(ConfigError::HalfAuthority),
        }
    }

    #[cfg(feature = "_test_support")]
    fn interceptor(&self) -> Result<crate::interceptor::Interceptor, ConfigError> {
        let record = self.record_media.as_deref();
        let rules = self.tamper.clone().unwrap_or_default();
        crate::interceptor::Interceptor::open(record, rules)
            .map_err(|error| ConfigError::Read(record.unwrap_or(Path::new("")).to_owned(), error))
    }

    /// Refuses options with which the gateway would start and then serve nobody.
    fn check(&self) -> Result<(), ConfigError> {
        if let Some(root) = &self.web_root
            && !root.is_dir()
        {
            return Err(ConfigError::WebRoot(root.clone()));
        }
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
}

/// Overwrites a default with an option that is given.
fn set<T>(setting: &mut T, option: Option<T>) {
    if let Some(option) = option {
        *setting = option;
    }
}

/// Whether a text is an origin: scheme, host and perhaps port, with nothing after them but the
/// slash that people write. "null" and "*", for all origins, are allowed too.
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
