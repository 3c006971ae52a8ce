# Versions and places of the build tools, sourced by the other scripts and never run.
# It changes nothing but the environment of whoever sources it.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

TRUNK_VERSION=0.21.14
BINARYEN_VERSION=132.0.0
ENGINE_VERSION=26.7.3-stable.1
# wasm-bindgen's command must match the library to the digit.
BINDGEN_VERSION="$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print; exit }' "$ROOT/Cargo.lock" 2>/dev/null || true)"

TOOLS="${SKEIN_TOOLS:-$HOME/.cache/skein/tools}"
TRUNK_DIR="$TOOLS/trunk-$TRUNK_VERSION"
BINDGEN_DIR="$TOOLS/wasm-bindgen-cli-$BINDGEN_VERSION"
BINARYEN_DIR="$TOOLS/binaryen-$BINARYEN_VERSION"
ENGINE_DIR="$TOOLS/engine-$ENGINE_VERSION"
VENV_DIR="$ROOT/end2end/.venv"

# What setup has learned about this machine: wasm.env, chromium.env and the stamps.
SETUP_DIR="$ROOT/target/setup"

export PATH="$TRUNK_DIR/bin:$BINDGEN_DIR/bin:$BINARYEN_DIR/node_modules/.bin:$PATH"

engine_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo @chdb/lib-linux-x64-gnu ;;
    Linux-aarch64 | Linux-arm64) echo @chdb/lib-linux-arm64-gnu ;;
    Darwin-arm64) echo @chdb/lib-darwin-arm64 ;;
    Darwin-x86_64) echo @chdb/lib-darwin-x64 ;;
    *) return 1 ;;
  esac
}

engine_library() {
  local package
  package="$(engine_package)" && echo "$ENGINE_DIR/node_modules/$package/libchdb.so"
}
