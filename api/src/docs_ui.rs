//! The page that shows the API: Swagger UI as it is, and a page of our own around it.
//!
//! All of it comes from this process, so that it works where there is no internet, and the page may
//! load nothing from anywhere else.

use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;
use zip::result::ZipError;

/// What the page may do. Swagger UI's style sheet holds its pictures; its script evaluates no text
/// and writes no inline style.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/png";

/// What is taken out of the archive, with its type.
const VENDORED: [(&str, &str); 3] = [
    ("swagger-ui-bundle.js", SCRIPT),
    ("swagger-ui.css", STYLE),
    ("favicon-32x32.png", PICTURE),
];

/// The page. Its references are absolute, so that it works with and without a slash at the end of
/// its own address.
const INDEX: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>T.A.R.S. Evaluation Engine</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The document that it shows is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/initializer.js"></script>
</body>
</html>
"#;

/// Tokens are forgotten with the page, and no validator elsewhere is told of the document.
const INITIALIZER: &str = r##""use strict";
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
});
"##;

/// The page itself: its content type and its bytes.
pub(crate) fn index() -> (&'static str, Bytes) {
    (HTML, Bytes::from_static(INDEX.as_bytes()))
}

/// A file that the page loads: its content type and its bytes.
pub(crate) fn asset(name: &str) -> Option<(&'static str, Bytes)> {
    if name == "initializer.js" {
        return Some((SCRIPT, Bytes::from_static(INITIALIZER.as_bytes())));
    }
    let (_, content_type, bytes) = UNPACKED.iter().find(|(known, ..)| *known == name)?;
    Some((content_type, bytes.clone()))
}

/// Unpacked when the first of them is asked for, and kept: a clone of the bytes shares them.
static UNPACKED: LazyLock<[(&str, &str, Bytes); VENDORED.len()]> = LazyLock::new(|| {
    VENDORED.map(|(name, content_type)| {
        (
            name,
            content_type,
            unpack(name).expect("the archive is part of the binary, and a test unpacks it"),
        )
    })
});

fn unpack(name: &str) -> Result<Bytes, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    // The folder above carries the version.
    let wanted = |path: &str| {
        path.split_once('/')
            .is_some_and(|(_, path)| path.strip_prefix("dist/") == Some(name))
    };
    let mut paths = archive.file_names().filter_map(Result::ok);
    let path = paths
        .find(|path| wanted(path))
        .ok_or(ZipError::FileNotFound)?
        .into_owned();
    drop(paths);
    let mut bytes = Vec::new();
    archive.by_name(&path)?.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_page_loads_is_there() {
        let (content_type, page) = index();
        assert_eq!(content_type, HTML);
        let page = String::from_utf8(page.to_vec()).unwrap();
        let names: Vec<_> = page
            .split("\"/docs/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(
            names,
            [
                "swagger-ui.css",
                "favicon-32x32.png",
                "swagger-ui-bundle.js",
                "initializer.js"
            ]
        );
        for (name, begins) in
            names
                .into_iter()
                .zip([".swagger-ui", "\u{fffd}PNG", "/*", "\"use strict\""])
        {
            let (_, bytes) = asset(name).unwrap();
            assert!(
                String::from_utf8_lossy(&bytes).starts_with(begins),
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_else_of_the_archive_is_served() {
        for name in [
            "",
            "index.html",
            "swagger-initializer.js",
            "../package.json",
            "dist/swagger-ui.css",
            "oauth2-redirect.js",
        ] {
            assert!(asset(name).is_none(), "{name}");
        }
    }

    #[test]
    fn our_own_pages_load_nothing_from_elsewhere_and_hold_no_script() {
        for text in [INDEX, INITIALIZER] {
            assert!(!text.contains("//"), "{text}");
        }
        assert!(INDEX.matches("<script").count() == INDEX.matches("></script>").count());
        assert!(!INDEX.contains("style="));
    }

    #[test]
    fn a_file_is_unpacked_once() {
        let first = asset("swagger-ui-bundle.js").unwrap().1;
        let second = asset("swagger-ui-bundle.js").unwrap().1;
        assert_eq!(first.as_ptr(), second.as_ptr());
    }
}
