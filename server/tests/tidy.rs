//! The rules of STYLE.md that a machine can hold: who may import whom, sizes, heads, and that styles are linked.
//!
//! Debt stands in one visible list at the foot, and only shrinks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};

const FILE_MAX_LINES: usize = 600;

/// A word and the only places it may appear in, relative to the workspace.
const OWNERS: &[(&str, &[&str])] = &[
    (
        "opentelemetry_proto::",
        &[
            "server/src/wire",
            "server/src/scrub/tests.rs",
            "server/src/ingest",
            "server/src/demo",
            "server/tests",
            "bench/",
        ],
    ),
    (
        "prost::",
        &[
            "server/src/wire",
            "server/src/scrub/tests.rs",
            "server/src/ingest",
            "server/src/demo",
            "server/tests",
            "bench/",
        ],
    ),
    (
        "tonic::",
        &[
            "server/src/wire",
            "server/src/ingest",
            "server/src/listen.rs",
            "server/src/demo",
            "server/tests",
            "bench/",
        ],
    ),
    ("clickhouse::", &["server/src/storage"]),
    ("sqlx::", &["server/src/access"]),
    ("api::", &["server/src/http", "app/src"]),
    (
        "axum::",
        &[
            "server/src/http",
            "server/src/ingest",
            "server/src/listen.rs",
            "server/src/node.rs",
            "app/api/src",
            "server/tests",
        ],
    ),
    ("rustls::", &["server/src/listen", "server/src/detect", "server/tests"]),
    ("libloading::", &["server/src/storage/engine_child.rs"]),
    ("traffic::", &["server/src/demo", "server/tests", "bench/"]),
    ("opentelemetry::", &["server/src/telemetry", "bench/src/senders.rs"]),
    ("opentelemetry_sdk::", &["server/src/telemetry", "server/src/wire", "bench/src/senders.rs"]),
    ("leptos::", &["app/src"]),
    (
        "std::env::",
        &[
            "server/src/config.rs",
            "server/src/storage/embedded.rs",
            "server/src/doctor.rs",
            "server/tests",
            "server/fuzz",
            "bench/",
        ],
    ),
];

/// Modules of the server, and the modules of the server each may import. Those left out import nobody.
const SERVER_IMPORTS: &[(&str, &[&str])] = &[
    (
        "config",
        &[
            "detect",
            "ingest",
            "key_command",
            "listen",
            "scrub",
            "storage",
            "demo",
            "doctor",
            "limits",
            "node",
            "telemetry",
        ],
    ),
    (
        "node",
        &[
            "access",
            "config",
            "detect",
            "http",
            "ingest",
            "limits",
            "listen",
            "query",
            "queue",
            "scrub",
            "settle",
            "status",
            "storage",
            "telemetry",
        ],
    ),
    ("wire", &["limits"]),
    ("listen", &["limits"]),
    ("ingest", &["access", "wire", "scrub", "queue", "limits", "listen", "telemetry"]),
    ("scrub", &["wire"]),
    ("queue", &["limits", "telemetry"]),
    ("settle", &["limits", "storage", "telemetry"]),
    ("detect", &["limits", "storage"]),
    ("storage", &["queue", "wire", "limits", "telemetry"]),
    ("query", &["storage", "limits"]),
    ("access", &["limits"]),
    ("key_command", &["access"]),
    ("http", &["access", "query", "status", "storage", "telemetry", "limits", "wire"]),
    ("telemetry", &["limits"]),
    ("status", &["limits", "telemetry"]),
    ("demo", &["wire"]),
    ("doctor", &["config", "listen", "storage"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(under: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(under) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git", ".venv"].contains(&name.as_str()) {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    let root = root();
    let crates = ["model", "app", "server", "bench"];
    crates
        .iter()
        .flat_map(|name| files(&root.join(name), "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// The lines that are code, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn uses(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn foreign_libraries_have_one_owner() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        for (word, owners) in OWNERS {
            if path == "server/tests/tidy.rs" || owners.iter().any(|owner| path.starts_with(owner)) {
                continue;
            }
            for (number, _) in code(&text).filter(|(_, line)| uses(line, word)) {
                problems.push(format!("{path}:{number}: {word} belongs to {}", owners.join(", ")));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn modules_of_the_server_import_only_what_they_may() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let Some(rest) = path.strip_prefix("server/src/") else { continue };
        let module = rest.split(['/', '.']).next().unwrap();
        if module == "lib" || module == "main" {
            continue;
        }
        let allowed =
            SERVER_IMPORTS.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, list)| list);
        for (number, line) in code(&text) {
            for (at, _) in line.match_indices("crate::") {
                let target: String =
                    line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = SERVER_IMPORTS.iter().any(|(name, _)| *name == target)
                    || ["limits", "telemetry"].contains(&target.as_str());
                if known && target != module && !allowed.contains(&target.as_str()) {
                    problems.push(format!("{path}:{number}: {module} may not import {target}"));
                }
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn layout_is_pure() {
    let mut problems = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("app/src")) {
        if path.ends_with("layout.rs") {
            for (number, _) in code(&text).filter(|(_, l)| l.contains("leptos") || l.contains("web_sys")) {
                problems.push(format!("{path}:{number}: layout knows neither Leptos nor the browser"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn files_say_what_they_are_for_and_stay_small() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > FILE_MAX_LINES && !DEBT_LARGE_FILES.contains(&path.as_str()) {
            problems.push(format!("{path}: {lines} lines, {FILE_MAX_LINES} at most: split it"));
        }
        if !text.starts_with("//!") {
            problems.push(format!("{path}: open it with //! and what it is for"));
        }
        if path.ends_with("/mod.rs") {
            problems.push(format!("{path}: name the file after the module instead of mod.rs"));
        }
    }
    assert_none(&problems);
}

#[test]
fn unfinished_things_name_their_issue() {
    let mut problems = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path != "server/tests/tidy.rs") {
        for (at, line) in text.lines().enumerate() {
            if (line.contains("TODO") || line.contains("FIXME")) && !line.contains('#') {
                problems.push(format!("{path}:{}: say which issue", at + 1));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_style_is_linked_and_colours_live_in_tokens() {
    let index = fs::read_to_string(root().join("app/index.html")).unwrap();
    let mut problems = Vec::new();
    for path in files(&root().join("style"), "css") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !index.contains(&format!("/{name}\"")) {
            problems.push(format!("style/{name} is not linked in app/index.html"));
        }
        if name == "tokens.css" {
            continue;
        }
        for (at, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let literal =
                line.contains("rgb(") || line.contains("hsl(") || line.contains("oklch(") || hex_colour(line);
            if literal {
                problems.push(format!("style/{name}:{}: a colour outside tokens.css", at + 1));
            }
        }
    }
    assert_none(&problems);
}

fn hex_colour(line: &str) -> bool {
    let Some((_, value)) = line.split_once(':') else { return false };
    value.match_indices('#').any(|(at, _)| {
        let digits = value[at + 1..].chars().take_while(char::is_ascii_hexdigit).count();
        matches!(digits, 3 | 4 | 6 | 8)
    })
}

#[test]
fn migrations_are_all_listed() {
    let listed = fs::read_to_string(root().join("server/src/storage/migrate.rs")).unwrap();
    for path in files(&root().join("migrations/clickhouse"), "sql") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(listed.contains(&format!("\"{name}\"")), "{name} is not in migrate.rs");
    }
}

/// Debt, to be paid and never added to.
const DEBT_LARGE_FILES: &[&str] = &[];
