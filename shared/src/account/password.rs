//! Passwords: argon2id, with the parameters that OWASP recommends (19 MiB, two passes, one lane).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// The fewest characters of a password.
pub const MIN_CHARACTERS: usize = 12;
/// The most bytes of a password: hashing takes longer with its length.
pub const MAX_BYTES: usize = 256;

/// Passwords that everybody tries first, and that manuals use as examples. Compared without case.
const EXAMPLES: [&str; 14] = [
    "password",
    "passwort",
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "admin",
    "administrator",
    "letmein",
    "example",
    "qwerty",
    "123456",
    "default",
    "guest",
];

/// A hash that no password is known for.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$q1HvtmCClUeKUlbTgPJWPb0ao1QRf3pMDpvnmNnVEM4";

/// Why a password or secret is not taken, if it is not.
///
/// # Errors
/// What is wrong with it, without the password.
pub fn check(password: &str) -> Result<(), &'static str> {
    if password.len() > MAX_BYTES {
        return Err("must have at most 256 bytes");
    }
    if password.chars().count() < MIN_CHARACTERS {
        return Err("must have at least 12 characters");
    }
    if is_example(password) {
        return Err("is an example that everybody tries first");
    }
    Ok(())
}

/// Whether it is nothing but words that everybody tries first, digits and signs: `password`,
/// `Secret123!`, `admin-admin`.
pub fn is_example(password: &str) -> bool {
    let mut rest = password.to_ascii_lowercase();
    for example in EXAMPLES {
        rest = rest.replace(example, "");
    }
    // What is left of a real password are letters, or more digits than anybody counts up.
    let letters = rest
        .chars()
        .filter(|character| character.is_alphabetic())
        .count();
    let changed = rest.len() < password.len();
    let mut distinct: Vec<_> = password.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    (changed && letters < 4 && rest.len() < 12) || distinct.len() < 4
}

/// Hashes a password with a fresh salt. Takes tens of milliseconds and 19 MiB: not for an async
/// thread.
///
/// # Errors
/// When the system has no memory or no randomness left.
pub fn hash(password: &str) -> Result<String, String> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether this is the password behind a hash. Takes as long as [`hash`], also for `None`: an
/// unknown name must not answer sooner than a wrong password.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let known = hash.is_some();
    let matches = PasswordHash::new(hash.unwrap_or(NOBODY)).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    });
    matches && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_alone() {
        let hashed = hash("correct horse battery").unwrap();
        assert!(
            hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hashed}"
        );
        assert!(verify("correct horse battery", Some(&hashed)));
        assert!(!verify("correct horse batterz", Some(&hashed)));
        assert!(!verify("correct horse battery", None));
        assert!(!verify("correct horse battery", Some("not a hash")));
        assert!(
            PasswordHash::new(NOBODY).is_ok(),
            "an unknown name costs as much as a wrong password"
        );
        assert_ne!(
            hashed,
            hash("correct horse battery").unwrap(),
            "every hash has its own salt"
        );
    }

    #[test]
    fn short_and_well_known_passwords_are_refused() {
        for bad in [
            "",
            "short",
            "password1234",
            "Admin-Admin-1",
            "CHANGEME-changeme",
            "aaaaaaaaaaaaaaaa",
            "change-me-secret",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for good in [
            "correct horse battery",
            "x7!kqP0-zzVw",
            "my password is a sentence",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert!(check(&"ab cd".repeat(60)).is_err());
    }
}
