//! `Content-Digest` (RFC 9530): what the client says that its body's hash is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};
use warp::http::{HeaderMap, HeaderName};

use crate::problem::Problem;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Refuses a body that is not the one that the client meant to send. Hashes of other algorithms
/// than SHA-256 and SHA-512 are left alone, as the RFC has it.
pub(crate) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    for line in headers.get_all(CONTENT_DIGEST) {
        let line = line.to_str().map_err(|_| malformed())?;
        for member in line.split(',') {
            let (algorithm, value) = member.trim().split_once('=').ok_or_else(malformed)?;
            let matches = match algorithm {
                "sha-256" => decode(value)? == Sha256::digest(body)[..],
                "sha-512" => decode(value)? == Sha512::digest(body)[..],
                _ => true,
            };
            if !matches {
                let message = format!("{algorithm} is not that of the body: send it again");
                return Err(Problem::invalid_field("Content-Digest", message));
            }
        }
    }
    Ok(())
}

/// A byte sequence as structured fields write it: base64 between colons (RFC 9651).
fn decode(value: &str) -> Result<Vec<u8>, Problem> {
    let base64 = value
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or_else(malformed)?;
    STANDARD.decode(base64).map_err(|_| malformed())
}

fn malformed() -> Problem {
    Problem::malformed("Content-Digest must be as in sha-256=:BASE64:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(lines: &[&str]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_DIGEST, line.parse().unwrap());
        }
        let checked = check(&headers, b"abc");
        checked.err().map(|problem| problem.status().as_u16())
    }

    #[test]
    fn the_body_must_have_the_hash_that_the_client_names() {
        let right = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
        let wrong = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        for lines in [&[][..], &[right], &["md5=:AAAA:"], &["md5=:AAAA:", right]] {
            assert_eq!(status_of(lines), None, "{lines:?}");
        }
        let both = format!("{right}, {wrong}");
        for lines in [&[wrong][..], &[right, wrong], &[&both], &["sha-512=:AAAA:"]] {
            assert_eq!(status_of(lines), Some(422), "{lines:?}");
        }
        for lines in [&["sha-256"][..], &["sha-256=abc"], &["sha-256=:*:"]] {
            assert_eq!(status_of(lines), Some(400), "{lines:?}");
        }
    }
}
