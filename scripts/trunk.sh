#!/usr/bin/env bash
# Runs Trunk with the tools and the compiler that setup chose: `scripts/trunk.sh serve`.
# The UI is compiled in a target folder of its own, so it never waits for a server build.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
"$ROOT/scripts/setup.sh" build
source "$SETUP_DIR/wasm.env"
export CARGO_TARGET_DIR="$ROOT/target/wasm"
# Views of one erased type instead of one type a view: an eighth less to download.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg erase_components"
cd "$ROOT"
exec trunk "$@"
