//! The assembled server: every step of its start and of its end, in order.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::Notify;
use tracing::info;

use crate::{
    auth::{Signer, Verifier},
    ca::Authority,
    hub::Limits,
    net::{self, AllowedOrigins, HttpConfig, Listeners, Node, NodeConfig, Sockets, TcpLimits},
    tls::{self, CertificateStore, Lifetimes, PemFiles, SelfSigned},
};

/// How often PEM files are checked for changes.
const PEM_INTERVAL: Duration = Duration::from_secs(10);

/// Everything that [`Gateway::start`] needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Addresses to listen on, by UDP and TCP each. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Checks join tokens.
    pub verifier: Verifier,
    /// Signs tokens for anybody who asks at `/v1/demo/token`; `None` turns that off.
    pub demo_signer: Option<Signer>,
    /// Certifies members' keys for whoever asks with a join token at `/v1/certificate`; `None`
    /// turns that off.
    pub authority: Option<Authority>,
    /// The certificate; `None` makes a self-signed one.
    pub pem: Option<PemFiles>,
    /// How often the PEM files are checked for changes; default 10 s.
    pub pem_interval: Duration,
    /// How long self-signed certificates are valid.
    pub lifetimes: Lifetimes,
    /// Directory of static files; `None` serves none.
    pub web_root: Option<PathBuf>,
    /// Whether pages get the headers that isolate them (and give them SharedArrayBuffer).
    pub cross_origin_isolation: bool,
    /// Origins whose pages may use the gateway; empty means its own host.
    pub allow_origins: Vec<String>,
    /// The UDP port that pages are told, where a relay stands in front; `None` is the real one.
    pub advertised_port: Option<u16>,
    /// Most sessions; a participant has two. Default 2,000.
    pub max_sessions: usize,
    /// Size asked for of each UDP socket's receive and send buffer; 0 leaves the system's. Default
    /// 4 MiB.
    pub udp_buffer_bytes: usize,
    /// Limits of TCP connections.
    pub tcp: TcpLimits,
    /// How long calls may go on after [`Gateway::drain`]; default 30 s.
    pub drain_timeout: Duration,
    /// How long sessions may take to end at shutdown; default 5 s.
    pub shutdown_timeout: Duration,
    /// Limits of rooms and media.
    pub limits: Limits,
    /// Records and spoils media, for tests.
    #[cfg(feature = "_test_support")]
    pub interceptor: crate::interceptor::Interceptor,
}

impl Settings {
    /// The defaults, with the two settings that have none.
    #[must_use]
    pub fn new(listen: Vec<SocketAddr>, verifier: Verifier) -> Self {
        Self {
            listen,
            verifier,
            demo_signer: None,
            authority: None,
            pem: None,
            pem_interval: PEM_INTERVAL,
            lifetimes: Lifetimes::default(),
            web_root: None,
            cross_origin_isolation: true,
            allow_origins: Vec::new(),
            advertised_port: None,
            max_sessions: 2_000,
            udp_buffer_bytes: 4 << 20,
            tcp: TcpLimits::default(),
            drain_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
            limits: Limits::default(),
            #[cfg(feature = "_test_support")]
            interceptor: crate::interceptor::Interceptor::default(),
        }
    }
}

/// Why a gateway did not start.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The certificate cannot be used.
    #[error("certificate: {0}")]
    Certificate(#[from] tls::PemError),
    /// TLS or QUIC cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
}

/// A running gateway. Dropping it ends it at once; [`Self::shutdown`] ends it gracefully.
#[derive(Debug)]
pub struct Gateway {
    node: Arc<Node>,
    store: Arc<CertificateStore>,
    listeners: Listeners,
    addresses: Vec<SocketAddr>,
    drain_timeout: Duration,
    shutdown_timeout: Duration,
    /// Wakes the task that watches the PEM files.
    reload: Option<Arc<Notify>>,
    _certificates: net::AbortOnDrop,
}

impl Gateway {
    /// Binds, then serves in tasks of the current tokio runtime, which should be single-threaded:
    /// the rooms of a node share one core, and two cost a third of the efficiency in cross-thread
    /// wake-ups. The process's soft limit of open files is raised to its hard one.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing is left behind.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let sockets = bind(&settings.listen)?;
        let addresses: Vec<SocketAddr> = sockets.iter().map(|pair| pair.address).collect();

        let secure = settings.pem.is_some();
        let reload = Arc::new(Notify::new());
        let (store, certificates) = certificates(
            settings.pem,
            settings.pem_interval,
            settings.lifetimes,
            &reload,
        )?;
        let tls = tls::server_config(store.clone()).map_err(StartError::Tls)?;

        let tcp = net::fit_open_files(settings.tcp, settings.max_sessions);
        let node = Arc::new(Node::new(NodeConfig {
            verifier: settings.verifier,
            demo_signer: settings.demo_signer,
            authority: settings.authority,
            origins: AllowedOrigins::new(settings.allow_origins),
            max_sessions: settings.max_sessions,
            tcp,
            limits: settings.limits,
            #[cfg(feature = "_test_support")]
            interceptor: settings.interceptor,
        }));
        let http = HttpConfig {
            store: store.clone(),
            port: settings
                .advertised_port
                .or(addresses.first().map(SocketAddr::port))
                .unwrap_or(0),
            web_root: settings.web_root,
            cross_origin_isolation: settings.cross_origin_isolation,
            tls: secure.then(|| tls.clone()),
            limits: tcp,
        };
        let bytes = settings.udp_buffer_bytes;
        let listeners =
            Listeners::start(&node, sockets, bytes, &tls, http).map_err(StartError::Tls)?;
        for address in &addresses {
            info!(%address, secure, "listening on UDP and TCP");
        }
        Ok(Self {
            node,
            store,
            listeners,
            addresses,
            drain_timeout: settings.drain_timeout,
            shutdown_timeout: settings.shutdown_timeout,
            reload: secure.then_some(reload),
            _certificates: certificates,
        })
    }

    /// The addresses it listens on, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Hashes of the certificates that pages may trust now.
    #[must_use]
    pub fn certificate_hashes(&self) -> Vec<tls::CertificateHash> {
        self.store.hashes()
    }

    /// Reads the PEM files again now; otherwise that is done when they have changed. Returns
    /// whether there are any.
    pub fn reload_certificate(&self) -> bool {
        if let Some(reload) = &self.reload {
            reload.notify_one();
        }
        self.reload.is_some()
    }

    /// Lets no new participant in (close code 4503), and waits until those who are in have left,
    /// but no longer than the drain timeout. Calls go on meanwhile, with all that belongs to them.
    /// [`Self::shutdown`] then ends what is left.
    pub async fn drain(&self) {
        let (sessions, timeout) = (self.node.sessions(), self.drain_timeout);
        info!(sessions, ?timeout, "draining: no new participants");
        self.node.drain();
        let drained = tokio::time::timeout(timeout, self.node.drained()).await;
        info!(complete = drained.is_ok(), "drained");
    }

    /// Takes nobody in any more, tells everybody (Closing, then close code 4503), and waits for the
    /// sessions to end, but no longer than the shutdown timeout.
    pub async fn shutdown(self) {
        info!("shutting down");
        self.listeners.stop_accepting();
        self.node.close();
        let drained = tokio::time::timeout(self.shutdown_timeout, self.node.drained()).await;
        self.listeners.close().await;
        info!(complete = drained.is_ok(), "shut down");
    }
}

/// Binds all addresses, or none.
fn bind(listen: &[SocketAddr]) -> Result<Vec<Sockets>, StartError> {
    let bind = |address: &SocketAddr| {
        Sockets::bind(*address, listen).map_err(|error| StartError::Listen(*address, error))
    };
    listen.iter().map(bind).collect()
}

/// The certificates, and the task that renews them: of the PEM files, which it reads again when they
/// change or `reload` is notified, or self-signed ones.
fn certificates(
    pem: Option<PemFiles>,
    pem_interval: Duration,
    lifetimes: Lifetimes,
    reload: &Arc<Notify>,
) -> Result<(Arc<CertificateStore>, net::AbortOnDrop), StartError> {
    let Some(files) = pem else {
        let own = SelfSigned::generate(lifetimes, SystemTime::now()).map_err(StartError::Tls)?;
        let store = own.store();
        return Ok((store.clone(), net::AbortOnDrop::spawn(own.renew(store))));
    };
    let store = Arc::new(CertificateStore::new(files.load()?, Vec::new()));
    let watch = files.watch(store.clone(), pem_interval, reload.clone());
    Ok((store, net::AbortOnDrop::spawn(watch)))
}
