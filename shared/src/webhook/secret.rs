//! What messages are signed with: `whsec_` and the base64 of 24 to 64 random bytes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What every secret begins with, so that scanners for leaked secrets can find it.
pub const PREFIX: &str = "whsec_";

/// Bytes of a secret.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets at one time: one signs, another is on its way out.
const MOST: usize = 8;

/// The specification's own example, which everybody tries first.
const EXAMPLE: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What messages are signed with. It is never logged.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text is no secret. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSecret(&'static str);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(InvalidSecret(
            "must begin with whsec_: `tars webhook secret` makes one",
        ))?;
        let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| {
            InvalidSecret("must be whsec_ and base64: `tars webhook secret` makes one")
        })?;
        if !BYTES.contains(&bytes.len()) {
            return Err(InvalidSecret(
                "must have 24 to 64 bytes: `tars webhook secret` makes one",
            ));
        }
        if encoded == EXAMPLE || bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(InvalidSecret(
                "is an example that everybody tries first: `tars webhook secret` makes one",
            ));
        }
        Ok(Self(bytes))
    }
}

impl Secret {
    /// A fresh one, as text to be kept: 256 random bits.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Zeroizing<String>, String> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..])
            .map_err(|error| format!("the system has no randomness: {error}"))?;
        Ok(Zeroizing::new(format!(
            "{PREFIX}{}",
            STANDARD.encode(&bytes[..])
        )))
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.tag(id, timestamp, body)))
    }

    /// Whether this is its signature. Takes the same time whatever differs.
    pub(super) fn matches(&self, signature: &str, id: &str, timestamp: i64, body: &[u8]) -> bool {
        let given = signature
            .strip_prefix("v1,")
            .map(|text| STANDARD.decode(text));
        let Some(Ok(given)) = given else { return false };
        self.tag(id, timestamp, body).ct_eq(&given).into()
    }

    fn tag(&self, id: &str, timestamp: i64, body: &[u8]) -> [u8; 32] {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        for part in [
            id.as_bytes(),
            b".",
            timestamp.to_string().as_bytes(),
            b".",
            body,
        ] {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }
}

/// All secrets of a deployment. Every message is signed with each of them, so that receivers may
/// change from one to the other when they like.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<Secret>);

impl FromStr for Secrets {
    type Err = InvalidSecret;

    /// Separated by spaces, line ends or commas.
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let words = text.split(|letter: char| letter.is_ascii_whitespace() || letter == ',');
        let words = words.filter(|word| !word.is_empty());
        let secrets: Vec<_> = words.map(str::parse).collect::<Result<_, _>>()?;
        if secrets.is_empty() || secrets.len() > MOST {
            return Err(InvalidSecret(
                "must hold 1 to 8 secrets, with spaces between them",
            ));
        }
        Ok(Self(secrets))
    }
}

impl Secrets {
    /// The value of `webhook-signature`: one signature for each secret.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signatures = self.0.iter().map(|secret| secret.sign(id, timestamp, body));
        signatures.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_made_and_never_shown() {
        let made = Secret::generate().unwrap();
        assert!(made.parse::<Secret>().is_ok());
        assert_ne!(*made, *Secret::generate().unwrap());
        let two = format!("{}\n {},", *made, *Secret::generate().unwrap());
        let secrets: Secrets = two.parse().unwrap();
        assert_eq!(secrets.sign("a", 1, b"").split(' ').count(), 2);
        assert_eq!(format!("{secrets:?}"), "Secrets([Secret, Secret])");
        for (bad, complaint) in [
            ("", "1 to 8"),
            (" , ", "1 to 8"),
            (&format!("{} ", *made).repeat(9), "1 to 8"),
            (&made[PREFIX.len()..], "begin with whsec_"),
            ("whsec_***", "base64"),
            ("whsec_c2hvcnQ=", "24 to 64"),
            (&format!("whsec_{}", STANDARD.encode([7; 65])), "24 to 64"),
            (&format!("whsec_{}", STANDARD.encode([0; 32])), "example"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "example"),
        ] {
            let refusal = bad.parse::<Secrets>().unwrap_err().to_string();
            assert!(refusal.contains(complaint), "{bad:?}: {refusal}");
        }
    }
}
