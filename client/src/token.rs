//! The header that shows a token.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// A token holds characters that no token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidToken;

impl std::error::Error for InvalidToken {}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token holds characters that no token has")
    }
}

/// The header that shows a token. It is marked, so that nothing prints it.
pub(crate) fn header(token: &str) -> Result<HeaderMap, InvalidToken> {
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::try_from(bearer.as_str()).map_err(|_| InvalidToken)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let headers = header("tars_secret").unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer tars_secret");
        assert!(!format!("{headers:?}").contains("secret"));
        assert_eq!(header("tars_secret\n2"), Err(InvalidToken));
    }
}
