#!/usr/bin/env bash
# Runs the stages of the tests one after the other, whatever the earlier ones said, and sums up.
# `test.sh` runs all, `test.sh browser sdk` only those named. Stages: crates browser sdk.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"

export SKEIN_BIN="$ROOT/target/release/skein"
SKEIN_ENGINE_LIB="${SKEIN_ENGINE_LIB:-$(engine_library)}"
export SKEIN_ENGINE_LIB
[[ ! -f "$SETUP_DIR/chromium.env" ]] || source "$SETUP_DIR/chromium.env"

# Unit and integration tests of every crate, compiled for this machine (the UI's pure code too).
# Compiled as the binary is, so that nothing is built twice.
crates() {
  mkdir -p dist
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --cargo-profile release
  else
    cargo test --workspace --locked --release --no-fail-fast
  fi
}

# A person's paths through the UI, in Chromium, against the release binary.
browser() {
  (cd end2end && npx tsc --noEmit && npx playwright test --project browser)
}

# Real OpenTelemetry SDKs, against the release binary.
sdk() {
  local status=0
  (cd end2end && npx playwright test --project sdk) || status=1
  "$VENV_DIR/bin/pytest" -q -p no:cacheprovider end2end/sdk || status=1
  return "$status"
}

main() {
  local -a stages=("$@") report=()
  ((${#stages[@]})) || stages=(crates browser sdk)
  local stage began verdict failed=0
  trap 'exit 130' INT TERM
  for stage in "${stages[@]}"; do
    printf '\n── %s ──\n' "$stage"
    began=$SECONDS
    verdict=passed
    "$stage" || { verdict=FAILED; failed=1; }
    report+=("$(printf '%-10s %-8s %4s s' "$stage" "$verdict" "$((SECONDS - began))")")
  done
  printf '\n'
  printf '%s\n' "${report[@]}"
  return "$failed"
}

main "$@"
