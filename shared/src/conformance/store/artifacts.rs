//! Artifacts.

use crate::artifact::Digest;
use crate::conformance::store::fixture::Fixture;

/// Bytes come back whole, and storing them twice changes nothing.
///
/// # Panics
/// When a promise is broken.
pub async fn artifacts_keep_bytes_under_their_hash(fixture: Fixture) {
    let artifacts = fixture.store.artifacts;
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let digest = Digest::of(&bytes);
    assert_eq!(
        artifacts.find(digest).await.unwrap(),
        None,
        "nothing is found before it is stored"
    );
    assert!(!artifacts.contains(digest).await.unwrap());
    assert!(artifacts.put(digest, &bytes).await.unwrap(), "it is new");
    assert!(
        !artifacts.put(digest, &bytes).await.unwrap(),
        "it is not new any more"
    );
    assert_eq!(artifacts.find(digest).await.unwrap(), Some(bytes));
    assert!(artifacts.contains(digest).await.unwrap());
}
