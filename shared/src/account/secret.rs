//! Secrets of service tokens: `tars_` + the token's id + `_` + 256 random bits. Only a hash of the
//! whole is ever kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What every service token begins with, so that scanners for leaked secrets can find it.
pub const PREFIX: &str = "tars_";

/// The SHA-256 of a secret. 256 random bits need no salt and no slow hash.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether this is the hash of that secret. Takes the same time whatever differs.
    pub fn matches(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

/// A secret on its way to the one who will keep it. It is never logged.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A fresh secret for the service token with this id.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn for_token(id: Uuid) -> Result<Self, String> {
        let random = random::<32>()?;
        Ok(Self(Zeroizing::new(format!(
            "{PREFIX}{}_{}",
            id.simple(),
            URL_SAFE_NO_PAD.encode(&random[..])
        ))))
    }

    /// A fresh password or service secret: 144 random bits in 24 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn password() -> Result<Self, String> {
        Ok(Self(Zeroizing::new(
            URL_SAFE_NO_PAD.encode(&random::<18>()?[..]),
        )))
    }

    /// A fresh secret of a service: 256 random bits.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn service() -> Result<Self, String> {
        Ok(Self(Zeroizing::new(
            URL_SAFE_NO_PAD.encode(&random::<32>()?[..]),
        )))
    }

    /// To be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The id in a service token, if it has the form of one.
pub fn token_id(secret: &str) -> Option<Uuid> {
    let (id, random) = secret.strip_prefix(PREFIX)?.split_once('_')?;
    if id.len() != 32 || random.len() != 43 {
        return None;
    }
    Uuid::try_parse(id).ok()
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, String> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut bytes[..])
        .map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_carries_its_id_and_matches_its_hash_alone() {
        let id = Uuid::from_u128(7);
        let secret = Secret::for_token(id).unwrap();
        assert_eq!(token_id(secret.expose()), Some(id));
        let hash = TokenHash::of(secret.expose());
        assert!(hash.matches(secret.expose()));
        assert!(!hash.matches(Secret::for_token(id).unwrap().expose()));
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "tars_", "tars_x_y", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
            assert_eq!(token_id(text), None, "{text}");
        }
    }
}
