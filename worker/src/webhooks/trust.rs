//! Which certificates of receivers are believed.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Speaks TLS with whoever a certificate authority of this system vouches for. `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name others in their place.
pub(super) async fn connector() -> Result<TlsConnector, String> {
    // Hundreds of files, on some systems.
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| error.to_string())?;
    for error in &loaded.errors {
        tracing::warn!(%error, "some certificate authorities of this system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (read, _) = roots.add_parsable_certificates(loaded.certs);
    if read == 0 {
        return Err(
            "this system names no certificate authorities: install them, or set SSL_CERT_FILE"
                .to_owned(),
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
