//! The OpenAPI document against the server that it describes. Schemathesis looks at it from outside
//! (`make contract`).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, answer};

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let server = Server::start().await;
    let response = server
        .anonymous(Method::GET, "/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), tars_api::openapi());
    let page = server.anonymous(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "initializer.js"] {
        assert!(page.contains(&format!("/docs/{file}")));
        assert_eq!(
            server
                .anonymous(Method::GET, &format!("/docs/{file}"))
                .send()
                .await
                .unwrap()
                .status(),
            StatusCode::OK
        );
    }
    assert_eq!(
        answer(server.anonymous(Method::GET, "/docs/package.json"))
            .await
            .0,
        StatusCode::NOT_FOUND
    );
}

/// Every example of a body, pasted as it is, in the order of the document's groups.
#[tokio::test]
async fn examples_work_when_they_are_pasted() {
    let server = Server::start().await;
    let (_, document) = server.get("/openapi.json").await;
    let (_, job) = server
        .post("/v1/evaluate", &example(&document, "post", "/v1/evaluate"))
        .await;
    let (_, replay) = server
        .post("/v1/dead-letters/replays", &json!({"all": true}))
        .await;
    let mut pasted = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(example) =
                operation["requestBody"]["content"]["application/json"].get("example")
            else {
                continue;
            };
            pasted += 1;
            match path.as_str() {
                // Needs a user of that name, a session, and a job that has completed: seen in other
                // tests.
                "/auth/login" | "/auth/refresh" | "/auth/password" | "/v1/jobs/{id}/promote" => {
                    continue;
                }
                _ => {}
            }
            let id = if path.contains("/replays/") {
                &replay["id"]
            } else {
                &job["job_id"]
            };
            let path = path
                .replace("{id}", id.as_str().unwrap())
                .replace("{name}", "ada");
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let (status, answered) = answer(server.request(method, &path).json(example)).await;
            assert!(status.is_success(), "{path} with {example} gave {answered}");
        }
    }
    assert!(pasted >= 10, "{pasted}");
    // The user of the example exists by now, so the others work too.
    let login = example(&document, "post", "/auth/login");
    assert_eq!(login["password"], PASSWORD);
    let (status, tokens) = answer(server.anonymous(Method::POST, "/auth/login").json(&login)).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let change = example(&document, "post", "/auth/password");
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(
        server.post_as(access, "/auth/password", &change).await.0,
        StatusCode::NO_CONTENT
    );
}

fn example(document: &Value, method: &str, path: &str) -> Value {
    document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"].clone()
}

#[tokio::test]
async fn the_document_says_who_may_what() {
    let server = Server::start().await;
    let (_, document) = server.get("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = 0;
    for (method, path, role) in tars_api::access() {
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        assert_eq!(
            operation["security"] == json!([{"bearer": []}]),
            role.is_some(),
            "{method} {path}"
        );
        assert_eq!(
            operation["responses"].get("403").is_some(),
            role.is_some(),
            "{method} {path}"
        );
        described += 1;
    }
    let listed: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(listed, described, "nothing else is described");
}

/// `docs/security.md` names the tests that show what it says.
#[test]
fn every_test_that_the_security_page_names_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    let mut folders: Vec<_> = ["api", "chaos", "cli", "engine", "shared", "worker"]
        .map(|part| root.join(part))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let names = page.split('`').skip(1).step_by(2).filter(|name| {
        name.matches('_').count() > 2
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    let mut checked = 0;
    for name in names {
        assert!(
            sources.contains(&format!("fn {name}(")),
            "there is no test {name}"
        );
        checked += 1;
    }
    assert!(checked > 40, "{checked}");
}
