//! Every way that is known to get past a JWT, on the real server (RFC 8725).

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::account::Role;
use tars_shared::clock::Manual;
use uuid::Uuid;

use crate::forge::{encode, header, key, kid, parts, signed, with, without};
use crate::server::{Server, answer, config};

/// A server, a good access token of an administrator, and its parts.
async fn attacked() -> (Server, String, Value, Value) {
    let server = Server::start().await;
    server.user("ada", Role::Admin).await;
    let good = server.log_in("ada").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (head, claims) = parts(&good);
    (server, good, head, claims)
}

/// The status and code of an answer to this bearer, and that nothing more is told.
async fn refused(server: &Server, token: &str, code: &str) {
    for (method, path) in [
        (Method::GET, "/v1/jobs"),
        (Method::POST, "/v1/evaluate"),
        (Method::GET, "/auth/users"),
    ] {
        let response = server
            .anonymous(method, path)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{token}");
        assert!(
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer")
        );
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], code, "{token}");
        assert!(problem.get("errors").is_none(), "{problem}");
    }
}

#[tokio::test]
async fn the_forger_of_this_suite_makes_good_tokens_too() {
    let (server, good, head, claims) = attacked().await;
    assert_eq!(head, header(kid(&good)));
    let rebuilt = signed(&head, &claims, &key(kid(&good)));
    assert_eq!(server.get_as(&rebuilt, "/auth/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn no_algorithm_but_ours_is_known() {
    let (server, good, head, claims) = attacked().await;
    let key = key(kid(&good));
    for algorithm in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA",
        "HS256 ",
    ] {
        let head = with(&head, "alg", algorithm);
        let unsigned = format!("{}.{}.", encode(&head), encode(&claims));
        refused(&server, &unsigned, "invalid_token").await;
        refused(&server, &signed(&head, &claims, &key), "invalid_token").await;
    }
    // RS/HS confusion: signed by HMAC with something public as its key.
    for public in [
        "-----BEGIN PUBLIC KEY-----\n",
        "",
        kid(&good).to_string().as_str(),
    ] {
        refused(
            &server,
            &signed(&with(&head, "alg", "RS256"), &claims, public.as_bytes()),
            "invalid_token",
        )
        .await;
        refused(
            &server,
            &signed(&head, &claims, public.as_bytes()),
            "invalid_token",
        )
        .await;
    }
    // Keys that the token brings along (RFC 8725, section 3.10).
    let mut head = head;
    head["jwk"] = json!({"kty": "oct", "k": encode(&json!("attacker"))});
    head["jku"] = json!("http://127.0.0.1:1/keys");
    head["x5u"] = json!("http://127.0.0.1:1/cert");
    refused(
        &server,
        &signed(&head, &claims, b"attacker"),
        "invalid_token",
    )
    .await;
}

#[tokio::test]
async fn hostile_key_ids_lead_nowhere() {
    let (server, good, head, claims) = attacked().await;
    let key = key(kid(&good));
    for kid in [
        json!("../../../../dev/null"),
        json!("/etc/passwd"),
        json!("' OR '1'='1"),
        json!("x' UNION SELECT 'secret' -- "),
        json!("'; SELECT pg_sleep(9); --"),
        json!(""),
        json!("\0"),
        json!("a".repeat(1000)),
        json!(Uuid::nil()),
        json!(Uuid::from_u128(7)),
        json!(7),
        json!(null),
        json!(["x"]),
    ] {
        refused(
            &server,
            &signed(&with(&head, "kid", kid.clone()), &claims, &key),
            "invalid_token",
        )
        .await;
        refused(
            &server,
            &signed(&with(&head, "kid", kid), &claims, b""),
            "invalid_token",
        )
        .await;
    }
    // A secret can be derived for any id, but only those in the database count.
    let stranger = Uuid::from_u128(7);
    refused(
        &server,
        &signed(&header(stranger), &claims, &crate::forge::key(stranger)),
        "invalid_token",
    )
    .await;
    refused(
        &server,
        &signed(&without(&head, "kid"), &claims, &key),
        "invalid_token",
    )
    .await;
}

#[tokio::test]
async fn a_signature_that_is_not_ours_counts_for_nothing() {
    let (server, good, head, claims) = attacked().await;
    let (message, signature) = good.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for bad in [
        format!("{message}."),
        format!("{message}.{flipped}{}", &signature[1..]),
        format!("{message}.{}", &signature[..20]),
        format!("{message}.{signature}{signature}"),
        message.to_owned(),
        format!("{good}.{good}"),
        signed(&head, &claims, b"wrong-secret"),
        signed(
            &head,
            &with(&claims, "sub", Uuid::nil().to_string()),
            b"wrong-secret",
        ),
        format!(
            "{}.{}.{signature}",
            encode(&head),
            encode(&with(&claims, "exp", 99_999_999_999_i64))
        ),
        format!(
            "{}.{}.{signature}",
            encode(&head),
            encode(&with(&claims, "role", "admin"))
        ),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "null".to_owned(),
        "x".repeat(10_000),
    ] {
        refused(&server, &bad, "invalid_token").await;
    }
}

#[tokio::test]
async fn every_claim_is_checked() {
    let (server, good, head, claims) = attacked().await;
    let key = key(kid(&good));
    let now = claims["iat"].as_i64().unwrap();
    for (name, value, code) in [
        ("exp", json!(now - 3600), "token_expired"),
        ("exp", json!(now), "token_expired"),
        ("exp", json!((now + 3600).to_string()), "invalid_token"),
        ("exp", json!(now as f64 + 3600.5), "invalid_token"),
        ("exp", json!(null), "invalid_token"),
        ("exp", json!(-1), "invalid_token"),
        ("nbf", json!(now + 3600), "invalid_token"),
        ("nbf", json!("0"), "invalid_token"),
        ("iss", json!("somebody-else"), "invalid_token"),
        (
            "iss",
            json!(["tars-eval-engine", "somebody-else"]),
            "invalid_token",
        ),
        ("aud", json!("another-service"), "invalid_token"),
        ("aud", json!([]), "invalid_token"),
        ("sub", json!(Uuid::nil()), "invalid_token"),
        ("sub", json!("ada"), "invalid_token"),
        ("sid", json!(Uuid::nil()), "token_revoked"),
        ("sid", json!("' OR 1=1 --"), "invalid_token"),
    ] {
        refused(
            &server,
            &signed(&head, &with(&claims, name, value), &key),
            code,
        )
        .await;
    }
    for name in ["exp", "nbf", "iss", "aud", "sub", "sid", "jti"] {
        refused(
            &server,
            &signed(&head, &without(&claims, name), &key),
            "invalid_token",
        )
        .await;
    }
}

#[tokio::test]
async fn one_kind_of_token_does_not_pass_for_another() {
    let server = Server::start().await;
    server.user("ada", Role::Admin).await;
    let tokens = server.log_in("ada").await;
    let (access, refresh) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    );
    refused(&server, refresh, "invalid_token").await;
    let trade = |token: &str| {
        server
            .anonymous(Method::POST, "/auth/refresh")
            .json(&json!({"refresh_token": token}))
    };
    assert_eq!(answer(trade(access)).await.0, StatusCode::UNAUTHORIZED);
    let (head, claims) = parts(refresh);
    let key = key(kid(refresh));
    for kind in [json!("JWT"), json!("jwt"), json!("AT+JWT"), json!(null)] {
        refused(
            &server,
            &signed(&with(&head, "typ", kind), &claims, &key),
            "invalid_token",
        )
        .await;
    }
    assert_eq!(
        answer(trade(refresh)).await.0,
        StatusCode::OK,
        "none of this has spent it"
    );
}

#[tokio::test]
async fn a_role_in_a_token_counts_for_nothing() {
    let server = Server::start().await;
    server.user("vera", Role::Viewer).await;
    let good = server.log_in("vera").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (head, claims) = parts(&good);
    // Even with the right signature: the role comes from the account.
    let forged = signed(&head, &with(&claims, "role", "admin"), &key(kid(&good)));
    assert_eq!(server.get_as(&forged, "/auth/me").await.1["role"], "viewer");
    assert_eq!(
        server.get_as(&forged, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn credentials_stand_in_one_place_in_one_form() {
    let (server, good, ..) = attacked().await;
    let status = |name: &'static str, value: String| {
        let request = server
            .anonymous(Method::GET, "/auth/me")
            .header(name, value);
        async move { request.send().await.unwrap().status() }
    };
    for value in [
        good.clone(),
        format!("Token {good}"),
        format!("Basic {good}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
    ] {
        assert_eq!(
            status("authorization", value).await,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(
        status("authorization", format!("bearer {good}")).await,
        StatusCode::OK,
        "the scheme has no case"
    );
    assert_eq!(
        status("cookie", format!("access_token={good}")).await,
        StatusCode::UNAUTHORIZED
    );
    let twice = server
        .anonymous(Method::GET, "/auth/me")
        .bearer_auth(&good)
        .bearer_auth(&good);
    assert_eq!(
        twice.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    // Addresses are logged, bookmarked and shared.
    let (status, problem) =
        answer(server.anonymous(Method::GET, &format!("/auth/me?access_token={good}"))).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNAUTHORIZED, &json!("no_credentials"))
    );
}

/// Whoever can write to the cache cannot make up an account, nor a better role for one.
#[tokio::test]
async fn what_somebody_else_wrote_into_the_cache_counts_for_nothing() {
    let clock = Arc::new(Manual::new());
    let server = Server::start_with(config(), clock.clone()).await;
    let viewer = server.service_token("viewer", Role::Viewer, None).await;
    assert_eq!(
        server.get_as(&viewer, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
    let id = tars_shared::account::secret::token_id(&viewer).unwrap();
    let (cache, key) = (&server.services.cache, format!("service-token:{id}"));
    let entry = cache.find(&key).await.expect("the account is remembered");
    let text = String::from_utf8_lossy(&entry).into_owned();
    assert!(text.contains(r#""role":"viewer""#), "{text}");
    let admin: Vec<u8> = {
        let place = entry
            .windows(6)
            .position(|bytes| bytes == b"viewer")
            .unwrap();
        // The name of the token is not meant, only its role.
        let role = place
            + entry[place..]
                .windows(15)
                .position(|bytes| bytes == b"\"role\":\"viewer\"")
                .unwrap();
        [&entry[..role], b"\"role\":\"admin\"", &entry[role + 15..]].concat()
    };
    let hour = std::time::Duration::from_hours(1);
    cache.put(&key, admin.into(), hour).await;
    // Until then nobody looks at what is in the cache.
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        server.get_as(&viewer, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
    // An entry of another account under this key is sealed, but not for this one.
    let boss = server.service_token("boss", Role::Admin, None).await;
    assert_eq!(server.get_as(&boss, "/auth/users").await.0, StatusCode::OK);
    let of_boss = cache
        .find(&format!(
            "service-token:{}",
            tars_shared::account::secret::token_id(&boss).unwrap()
        ))
        .await;
    cache.put(&key, of_boss.unwrap(), hour).await;
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        server.get_as(&viewer, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(server.get_as(&viewer, "/auth/me").await.1["role"], "viewer");
}
