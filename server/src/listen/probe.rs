//! Whether a skein answers at a port, in plain text or TLS: the doctor's question.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{TlsError, certificates};

const PATIENCE: Duration = Duration::from_secs(5);
/// More of an answer is not read.
const ANSWER_MAX_BYTES: u64 = 4_096;

#[derive(Debug, Error)]
pub enum ProbeError {
    #[error(transparent)]
    Authority(#[from] TlsError),
    #[error("no connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("nothing came within {} s", PATIENCE.as_secs())]
    Silent,
    #[error("what answers is no skein")]
    Stranger,
}

/// With an authority's certificates the port is spoken to in TLS.
pub async fn probe(address: SocketAddr, authority: Option<&Path>) -> Result<(), ProbeError> {
    let connector = authority.map(connector).transpose()?;
    let asking = async {
        let tcp = TcpStream::connect(address).await?;
        let answer = match connector {
            None => ask(tcp).await?,
            Some(connector) => {
                let name = ServerName::IpAddress(address.ip().into());
                ask(connector.connect(name, tcp).await?).await?
            }
        };
        if answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n") {
            Ok(())
        } else {
            Err(ProbeError::Stranger)
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or(Err(ProbeError::Silent))
}

fn connector(authority: &Path) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    // A peer that ends without saying so over TLS has answered all the same.
    let read = stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
