//! `/api/settings` and `/api/keys`: what is set, and the ingest keys of whoever asks.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::ApiError;
use model::view::{KeyInfo, NewKey, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::error::HttpError;
use super::params::now;
use crate::access::{KEY_PREFIX, KeyLine};
use crate::limits::{KEY_NAME_MAX_CHARS, KEY_RATE_MAX};

/// Until there are users, whoever reaches the port.
const ACTOR: &str = "anyone on this machine";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAsked {
    name: String,
    #[serde(default)]
    spans_per_second: u64,
}

impl App {
    /// The keys whose spans become the caller's data.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, HttpError> {
        let caller = self.caller().await?;
        let keys = self.access.list_keys().await?.into_iter().filter(|key| key.tenant == caller.scope.tenant);
        Ok(keys.map(info).collect())
    }

    pub async fn create_key(&self, name: &str, spans_per_second: u64) -> Result<NewKey, HttpError> {
        let scope = self.caller().await?.scope;
        let name = checked(name, spans_per_second)?;
        let begun = self.access.begin_audit(&scope, ACTOR, "create_key", name, now()).await?;
        let made = self.access.create_key(&scope.tenant, name, spans_per_second, now()).await;
        let (is_done, detail) = outcome(&made.as_deref().map(id_of));
        self.access.end_audit(begun, is_done, &detail).await?;
        let text = made?;
        Ok(NewKey { id: id_of(&text).to_owned(), text })
    }

    pub async fn revoke_key(&self, id: &str) -> Result<(), HttpError> {
        let scope = self.caller().await?.scope;
        let is_theirs = self.keys().await?.iter().any(|key| key.id == id && key.revoked.0 == 0);
        if !is_theirs {
            let hint = "GET /api/keys lists them; a key that was revoked stays so";
            return Err(ApiError::not_found(format!("there is no valid key '{id}'"), hint).into());
        }
        let begun = self.access.begin_audit(&scope, ACTOR, "revoke_key", id, now()).await?;
        let revoked = self.access.revoke_key(id, now()).await;
        let (is_done, detail) = outcome(&revoked.as_ref().map(|()| ""));
        self.access.end_audit(begun, is_done, &detail).await?;
        Ok(revoked?)
    }
}

pub async fn settings(State(app): State<App>) -> Json<Value> {
    let Settings { keys_required, redaction, rules_file, keep_days, limits } = app.settings.as_ref();
    let redaction: Vec<Value> = redaction
        .iter()
        .map(|rule| {
            json!({ "name": rule.name, "what": rule.what, "action": rule.action, "is_built_in": rule.is_built_in })
        })
        .collect();
    let keep_days: serde_json::Map<String, Value> =
        keep_days.iter().map(|(what, days)| (what.clone(), json!(days))).collect();
    let limits: serde_json::Map<String, Value> =
        limits.iter().map(|(what, limit, _)| (what.clone(), json!(limit.to_string()))).collect();
    Json(json!({
        "keys_required": keys_required,
        "redaction": redaction,
        "rules_file": rules_file,
        "keep_days": keep_days,
        "limits": limits,
    }))
}

pub async fn list(State(app): State<App>) -> Result<Json<Value>, HttpError> {
    let keys = app.keys().await?;
    Ok(Json(json!({ "keys": keys.iter().map(key_json).collect::<Vec<_>>() })))
}

pub async fn create(
    State(app): State<App>,
    asked: Result<Json<KeyAsked>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let Json(asked) = asked.map_err(|rejection| {
        let hint = "send JSON such as {\"name\": \"checkout\", \"spans_per_second\": 0}";
        ApiError::bad_request(rejection.body_text(), hint)
    })?;
    let made = app.create_key(&asked.name, asked.spans_per_second).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": made.id, "key": made.text }))))
}

pub async fn revoke(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, HttpError> {
    app.revoke_key(&id).await?;
    Ok(Json(json!({ "id": id, "revoked": true })))
}

fn info(key: KeyLine) -> KeyInfo {
    let KeyLine { id, name, spans_per_second, created, last_used, revoked, tenant: _ } = key;
    KeyInfo { id, name, spans_per_second, created, last_used, revoked }
}

fn key_json(key: &KeyInfo) -> Value {
    let when = |time: model::Timestamp| (time.0 > 0).then(|| time.0.to_string());
    json!({
        "id": key.id,
        "name": key.name,
        "spans_per_second": key.spans_per_second,
        "created_unix_ns": when(key.created),
        "last_used_unix_ns": when(key.last_used),
        "revoked_unix_ns": when(key.revoked),
    })
}

fn checked(name: &str, spans_per_second: u64) -> Result<&str, ApiError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > KEY_NAME_MAX_CHARS || name.chars().any(char::is_control) {
        let hint = format!("say in 1 to {KEY_NAME_MAX_CHARS} characters what the key is for");
        return Err(ApiError::bad_request("the key has no usable name", hint));
    }
    if spans_per_second > KEY_RATE_MAX {
        let hint = format!("give at most {KEY_RATE_MAX}, or 0 for as many as come");
        return Err(ApiError::bad_request(format!("spans_per_second is {spans_per_second}"), hint));
    }
    Ok(name)
}

/// The part of a key that finds it and is no secret.
fn id_of(text: &str) -> &str {
    text.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split('_').next()).unwrap_or("")
}

fn outcome<E: std::fmt::Display>(result: &Result<&str, E>) -> (bool, String) {
    match result {
        Ok(detail) => (true, (*detail).to_owned()),
        Err(error) => (false, error.to_string()),
    }
}
