//! Receivers that speak TLS, well and badly.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn trusting(authority: &Authority, allow_http: bool) -> Receivers {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Receivers {
        networks: Networks::everything(),
        allow_http,
        tls: Ok(TlsConnector::from(Arc::new(config))),
    }
}

/// A receiver with a certificate of this name; its port.
async fn receiver(authority: &Authority, name: &str) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = vec![0; 16 * 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn message(url: &str) -> Message<'_> {
    Message {
        url,
        id: "id".to_owned(),
        timestamp: 7,
        signature: "v1,x".to_owned(),
        body: b"{}".to_vec(),
    }
}

#[tokio::test]
async fn only_receivers_with_a_certificate_of_their_name_get_anything() {
    let (ours, stranger) = (authority(), authority());
    let receivers = trusting(&ours, true);
    let named = receiver(&ours, "localhost").await;
    let send = async |url: String| receivers.post(message(&url)).await;
    assert_eq!(send(format!("https://localhost:{named}/x")).await, Ok(204));
    let refused = async |url: String| {
        let refusal = send(url).await.unwrap_err();
        assert!(refusal.contains("TLS"), "{refusal}");
    };
    refused(format!("https://127.0.0.1:{named}/x")).await;
    let other = receiver(&ours, "example.org").await;
    refused(format!("https://localhost:{other}/x")).await;
    let unknown = receiver(&stranger, "localhost").await;
    refused(format!("https://localhost:{unknown}/x")).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    });
    refused(format!("https://localhost:{port}/x")).await;
}

#[tokio::test]
async fn nothing_is_sent_without_tls_unless_that_is_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let refusal = trusting(&authority(), false).post(message(&url)).await;
    assert!(refusal.unwrap_err().contains("without TLS"));
    let nobody = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(nobody.is_err(), "nobody has connected");
}
