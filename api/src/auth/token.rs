//! Access and refresh tokens: JWTs (RFC 7519) by the best practices of RFC 8725.
//!
//! They say who, never what they may do: the role comes from the account at every request.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keyring::Key;
use crate::problem::Problem;

/// Who issues our tokens, and whom they are for.
const ISSUER: &str = "tars-eval-engine";
const AUDIENCE: &str = "tars-eval-engine/api";
/// No token of ours is longer.
const MAX_BYTES: usize = 2048;

/// What a token is for. The header's `typ` says it, so that neither is taken for the other (RFC
/// 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Access,
    /// Getting the next pair.
    Refresh,
}

impl Use {
    fn header_type(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    pub(crate) sub: Uuid,
    pub(crate) sid: Uuid,
    pub(crate) jti: Uuid,
    iat: i64,
    nbf: i64,
    /// Seconds since 1970. A number: text is refused.
    pub(crate) exp: i64,
}

impl Claims {
    pub(super) fn new(
        user: Uuid,
        session: Uuid,
        id: Uuid,
        now: DateTime<Utc>,
        life: Duration,
    ) -> Self {
        let now_seconds = now.timestamp();
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            jti: id,
            iat: now_seconds,
            nbf: now_seconds,
            exp: (now + life).timestamp(),
        }
    }
}

/// Why a token is not accepted. Only what helps no attacker is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It was good once.
    Expired,
    /// Anything else.
    Invalid,
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Expired => Self::unauthorized(
                "token_expired",
                "the token has expired: refresh it, or log in again",
            ),
            Rejected::Invalid => Self::invalid_token(),
        }
    }
}

/// Which key is said to have signed a token. Nothing is looked up with what is no id of ours.
pub(super) fn key_id(wanted: Use, token: &str) -> Result<Uuid, Rejected> {
    if token.len() > MAX_BYTES {
        return Err(Rejected::Invalid);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| Rejected::Invalid)?;
    if header.alg != Algorithm::HS256 || header.typ.as_deref() != Some(wanted.header_type()) {
        return Err(Rejected::Invalid);
    }
    let kid = header.kid.ok_or(Rejected::Invalid)?;
    Uuid::try_parse(&kid).map_err(|_| Rejected::Invalid)
}

pub(super) fn verify(
    wanted: Use,
    token: &str,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Claims, Rejected> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    // Times are compared below with the clock of the whole service, and so without
    // leeway.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<Claims>(
        token,
        &DecodingKey::from_secret(&key.secret[..]),
        &validation,
    )
    .map_err(|_| Rejected::Invalid)?;
    if decoded.header.typ.as_deref() != Some(wanted.header_type()) {
        return Err(Rejected::Invalid);
    }
    let (claims, now) = (decoded.claims, now.timestamp());
    if claims.exp <= now {
        return Err(Rejected::Expired);
    }
    if claims.nbf > now {
        Err(Rejected::Invalid)
    } else {
        Ok(claims)
    }
}

pub(super) fn sign(
    wanted: Use,
    claims: &Claims,
    key: &Key,
) -> jsonwebtoken::errors::Result<String> {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(wanted.header_type().to_owned());
    header.kid = Some(key.id.to_string());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret[..]))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    use super::*;

    fn key() -> Key {
        super::super::hs256::install();
        Key {
            id: Uuid::from_u128(1),
            secret: Zeroizing::new([7; 32]),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn claims() -> Claims {
        Claims::new(
            Uuid::from_u128(2),
            Uuid::from_u128(3),
            Uuid::from_u128(4),
            now(),
            Duration::from_mins(1),
        )
    }

    fn signed(claims: &Value) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key().id.to_string());
        jsonwebtoken::encode(
            &header,
            claims,
            &EncodingKey::from_secret(&key().secret[..]),
        )
        .unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_use_and_time() {
        let token = sign(Use::Access, &claims(), &key()).unwrap();
        assert_eq!(key_id(Use::Access, &token), Ok(key().id));
        assert_eq!(verify(Use::Access, &token, &key(), now()), Ok(claims()));
        assert_eq!(key_id(Use::Refresh, &token), Err(Rejected::Invalid));
        assert_eq!(
            verify(Use::Refresh, &token, &key(), now()),
            Err(Rejected::Invalid)
        );
        let at = |seconds| now() + chrono::TimeDelta::seconds(seconds);
        assert_eq!(verify(Use::Access, &token, &key(), at(59)), Ok(claims()));
        assert_eq!(
            verify(Use::Access, &token, &key(), at(60)),
            Err(Rejected::Expired)
        );
        assert_eq!(
            verify(Use::Access, &token, &key(), at(-1)),
            Err(Rejected::Invalid),
            "not yet valid"
        );
        let other = Key {
            secret: Zeroizing::new([8; 32]),
            ..key()
        };
        assert_eq!(
            verify(Use::Access, &token, &other, now()),
            Err(Rejected::Invalid)
        );
    }

    #[test]
    fn every_claim_must_be_there_and_of_its_type() {
        let good = serde_json::to_value(claims()).unwrap();
        assert!(verify(Use::Access, &signed(&good), &key(), now()).is_ok());
        for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(name);
            assert_eq!(
                verify(Use::Access, &signed(&bad), &key(), now()),
                Err(Rejected::Invalid),
                "without {name}"
            );
        }
        for (name, value) in [
            ("exp", json!("99999999999")),
            ("exp", json!(null)),
            ("exp", json!([99_999_999_999_u64])),
            ("iss", json!("somebody")),
            ("aud", json!("somewhere")),
            ("sub", json!("1 OR 1=1")),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert_eq!(
                verify(Use::Access, &signed(&bad), &key(), now()),
                Err(Rejected::Invalid),
                "{bad}"
            );
        }
    }
}
