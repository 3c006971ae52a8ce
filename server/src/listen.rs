//! The ports, in plain text or TLS. Certificates are read again when their files change, without a restart: connections
//! that are open keep theirs.
//!
//! A handshake is waited for apart from the others, so that a slow client holds nobody up.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use clap::Args;
use futures::Stream;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::limits::{TLS_HANDSHAKE_TIMEOUT, TLS_HANDSHAKES_MAX, TLS_REFRESH_INTERVAL};

pub mod probe;

/// Pause after the system refused to hand over a connection, as when there are no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the certificates are; without any, ports speak plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct TlsFiles {
    /// The server's certificate and what leads to its authority (PEM): all ports speak TLS. Read again when it changes
    #[arg(long = "tls-cert", env = "SKEIN_TLS_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long = "tls-key", env = "SKEIN_TLS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Authorities (PEM) one of which must have signed the certificate every client shows
    #[arg(long = "tls-client-ca", env = "SKEIN_TLS_CLIENT_CA", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
}

#[derive(Debug, Error)]
pub enum TlsError {
    #[error("--tls-cert and --tls-key go together")]
    Unpaired,
    #[error("--tls-client-ca needs --tls-cert and --tls-key")]
    ClientsOnly,
    #[error("{path} cannot be read: {problem}")]
    File { path: String, problem: String },
    #[error("{path} holds no certificate")]
    Empty { path: String },
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
    #[error("the clients' authorities cannot be used: {0}")]
    ClientCa(#[from] rustls::server::VerifierBuilderError),
}

/// What connections begin with, kept in step with the files.
pub struct Certificates {
    files: TlsFiles,
    now: Mutex<(Arc<ServerConfig>, Stamps)>,
}

/// When each file was last changed, and its length.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl TlsFiles {
    /// None without a certificate.
    pub fn load(&self) -> Result<Option<Arc<Certificates>>, TlsError> {
        match (&self.cert, &self.key, &self.client_ca) {
            (None, None, None) => Ok(None),
            (None, None, Some(_)) => Err(TlsError::ClientsOnly),
            (Some(_), None, _) | (None, Some(_), _) => Err(TlsError::Unpaired),
            (Some(cert), Some(key), client_ca) => {
                let stamps = self.stamps();
                let config = server_config(cert, key, client_ca.as_deref())?;
                let now = Mutex::new((Arc::new(config), stamps));
                Ok(Some(Arc::new(Certificates { files: self.clone(), now })))
            }
        }
    }

    fn stamps(&self) -> Stamps {
        let files = [&self.cert, &self.key, &self.client_ca].into_iter().flatten();
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        files.map(stamp).collect()
    }
}

impl Certificates {
    /// Reads the files again if they have changed. What cannot be used leaves the old in place until the next change.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let stamps = self.files.stamps();
        {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            if now.1 == stamps {
                return Ok(false);
            }
            now.1.clone_from(&stamps);
        }
        let (Some(cert), Some(key)) = (&self.files.cert, &self.files.key) else { return Ok(false) };
        let config = server_config(cert, key, self.files.client_ca.as_deref())?;
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0 = Arc::new(config);
        Ok(true)
    }

    /// Keeps them in step for as long as it is polled.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TLS_REFRESH_INTERVAL).await;
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.refresh()).await {
                Ok(Ok(true)) => tracing::info!("new connections get the new certificate"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(%error, "the certificate stays the old one"),
                Err(error) => tracing::error!(%error, "the certificate cannot be looked after"),
            }
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.now.lock().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

fn server_config(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let mut config = builder.with_single_cert(certificates(cert)?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.display().to_string() });
    }
    Ok(found)
}

fn unreadable(path: &Path, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::File { path: path.display().to_string(), problem: error.to_string() }
}

/// Clones share the same figures.
#[derive(Clone, Debug, Default)]
pub struct ListenMetrics {
    handshakes: Gauge,
    failed: Counter,
}

impl ListenMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_tls");
        registry.register("handshakes", "TLS handshakes under way", self.handshakes.clone());
        registry.register(
            "failed_handshakes",
            "TLS handshakes that failed or took too long",
            self.failed.clone(),
        );
    }
}

/// A bound port that hands out connections one can speak on.
pub struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl Listener {
    pub fn new(
        tcp: TcpListener,
        certificates: Option<Arc<Certificates>>,
        metrics: ListenMetrics,
    ) -> io::Result<Listener> {
        let address = tcp.local_addr()?;
        let (hand_over, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept_all(tcp, certificates, hand_over, metrics));
        Ok(Listener { address, ready, accepting })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn next(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Only when the port's own task ended, which it never does by itself.
            None => std::future::pending().await,
        }
    }

    pub fn into_stream(self) -> impl Stream<Item = io::Result<Connection>> {
        futures::stream::unfold(self, |mut listener| async {
            let (connection, _) = listener.next().await;
            Some((Ok(connection), listener))
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(
    tcp: TcpListener,
    certificates: Option<Arc<Certificates>>,
    hand_over: mpsc::Sender<(Connection, SocketAddr)>,
    metrics: ListenMetrics,
) {
    let handshakes = Arc::new(Semaphore::new(TLS_HANDSHAKES_MAX));
    loop {
        let (stream, peer) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and awaited.
        let _ = stream.set_nodelay(true);
        let Some(certificates) = &certificates else {
            if hand_over.send((Connection::Plain(stream), peer)).await.is_err() {
                return;
            }
            continue;
        };
        let Ok(turn) = handshakes.clone().acquire_owned().await else { return };
        let (acceptor, hand_over, metrics) = (certificates.acceptor(), hand_over.clone(), metrics.clone());
        tokio::spawn(async move {
            metrics.handshakes.inc();
            let shaken = tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
            metrics.handshakes.dec();
            drop(turn);
            if !matches!(shaken, Ok(Ok(_))) {
                metrics.failed.inc();
            }
            match shaken {
                Ok(Ok(stream)) => {
                    let _ = hand_over.send((Connection::Tls(Box::new(stream)), peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }
}

/// Plain or not, bytes go in and out.
pub enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_read(cx, to),
            Connection::Tls(stream) => Pin::new(stream).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_write(cx, from),
            Connection::Tls(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, from),
            Connection::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, from),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Connection::Plain(stream) => stream.is_write_vectored(),
            Connection::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}
