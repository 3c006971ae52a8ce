#!/usr/bin/env bash
# Installs what building (`setup.sh build`) and testing (`setup.sh test`) need, once.
# Tools go into a per-user cache keyed by version, so a fresh clone finds them there;
# a second run compares one stamp and returns.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

main() {
  cd "$ROOT"
  local goal="${1:-}"
  case "$goal" in
    build | test) ;;
    *) die "usage: scripts/setup.sh build|test" ;;
  esac
  mkdir -p "$SETUP_DIR" "$TOOLS"
  local stamp="$SETUP_DIR/$goal.stamp" now
  now="$(fingerprint "$goal")"
  if [[ -f "$stamp" && "$(<"$stamp")" == "$now" ]] && "${goal}_is_whole"; then
    return
  fi
  exec 9>"$TOOLS/.lock"
  if command -v flock >/dev/null && ! flock -n 9; then
    say "another setup is running; waiting for it"
    flock 9
  fi
  say "preparing to $goal (tools are kept in $TOOLS)"
  "setup_$goal"
  fingerprint "$goal" >"$stamp"
}

# --- build -------------------------------------------------------------------

setup_build() {
  require_rust
  require_c_compiler
  require_node
  [[ -n "$BINDGEN_VERSION" ]] || die "Cargo.lock names no wasm-bindgen: run \`cargo generate-lockfile\` first"
  wasm_target
  trunk
  wasm_bindgen
  binaryen
  engine
}

build_is_whole() {
  [[ -x "$TRUNK_DIR/bin/trunk" && -x "$BINDGEN_DIR/bin/wasm-bindgen" && -f "$SETUP_DIR/wasm.env" ]] &&
    [[ -e "$BINARYEN_DIR/node_modules/.bin/wasm-opt" && -f "$(engine_library)" ]]
}

require_rust() {
  command -v cargo >/dev/null || die "Rust is missing: install rustup (https://rustup.rs), then run this again"
  cargo --version >/dev/null 2>&1 || {
    step "installing the pinned Rust compiler" "about a minute"
    watched rustup toolchain install --no-self-update
  }
}

require_c_compiler() {
  command -v cc >/dev/null || apt_install "a C compiler" build-essential pkg-config
}

require_node() {
  command -v node >/dev/null && command -v npm >/dev/null || apt_install "Node.js" nodejs npm
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  ((major >= 18)) || die "Node.js 18 or newer is needed, this is $(node --version): install a newer one, then run this again"
}

# The UI needs a standard library for wasm32. rustup has it ready-made. Where its
# server cannot be reached, Debian's browser-grade compiler builds one from source.
wasm_target() {
  local env="$SETUP_DIR/wasm.env"
  rm -f "$env"
  if [[ "${SKEIN_WASM:-}" != debian ]]; then
    if [[ -d "$(cd "$ROOT" && rustc --print target-libdir --target wasm32-unknown-unknown)" ]]; then
      echo "# the compiler has the wasm target" >"$env"
      return
    fi
    if command -v rustup >/dev/null; then
      step "adding the wasm target to the compiler" "seconds"
      if (cd "$ROOT" && timeout 90 rustup target add wasm32-unknown-unknown) >"$SETUP_DIR/target.log" 2>&1; then
        echo "# the compiler has the wasm target" >"$env"
        return
      fi
      note "rustup cannot fetch it here; using Debian's compiler instead"
    fi
  fi
  if [[ ! -x /usr/bin/rustc || ! -d /usr/lib/rustlib/src/rust/library ]] || ! newest_lld >/dev/null; then
    local lld
    lld="$(apt-cache search --names-only '^lld-[0-9]+$' 2>/dev/null | awk '{ print $1 }' | sort -t- -k2 -n | tail -1)"
    apt_install "a compiler for wasm (rustup cannot fetch one)" \
      rustc-web cargo-web rust-web-src rust-web-llvm "${lld:-lld}"
  fi
  {
    echo "# Debian's compiler builds the wasm standard library together with the UI"
    if command -v rustup >/dev/null; then
      rustup toolchain link skein-wasm /usr
      echo "export RUSTUP_TOOLCHAIN=skein-wasm"
    fi
    echo "export RUSTC_BOOTSTRAP=1"
    echo "export CARGO_UNSTABLE_BUILD_STD=std,panic_abort"
    echo "export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(newest_lld)"
  } >"$env.part"
  mv "$env.part" "$env"
}

newest_lld() {
  local found
  found="$(compgen -G '/usr/bin/wasm-ld*' | sort -V | tail -1)"
  [[ -n "$found" ]] && echo "$found"
}

# Both tools share one scratch folder, so what they have in common is compiled once.
trunk() {
  [[ -x "$TRUNK_DIR/bin/trunk" ]] && return
  step "building Trunk $TRUNK_VERSION, which bundles the UI" "3 to 5 minutes, once per machine"
  # It never downloads anything for us, so it needs neither TLS nor its update check.
  cargo_install trunk "$TRUNK_VERSION" "$TRUNK_DIR" --no-default-features
}

wasm_bindgen() {
  [[ -x "$BINDGEN_DIR/bin/wasm-bindgen" ]] && return
  step "building wasm-bindgen $BINDGEN_VERSION, which joins the UI to the browser" "1 to 2 minutes, once per machine"
  cargo_install wasm-bindgen-cli "$BINDGEN_VERSION" "$BINDGEN_DIR" --no-default-features
}

cargo_install() {
  local crate="$1" version="$2" dir="$3"
  shift 3
  local -a build=(env CARGO_TARGET_DIR="$TOOLS/scratch"
    CARGO_PROFILE_RELEASE_OPT_LEVEL="${SKEIN_TOOLS_OPT_LEVEL:-0}" CARGO_PROFILE_RELEASE_DEBUG=false
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    cargo install "$crate" --version "$version" --root "$dir.part" "$@")
  rm -rf "$dir.part"
  # Its own lock file may name versions that a mirror does not have.
  watched "${build[@]}" --locked || {
    note "not with the lock file it ships; trying with current dependencies"
    watched "${build[@]}"
  } || die_with_log "building $crate failed"
  rm -rf "$dir"
  mv "$dir.part" "$dir"
}

binaryen() {
  [[ -e "$BINARYEN_DIR/node_modules/.bin/wasm-opt" ]] && return
  step "fetching binaryen $BINARYEN_VERSION, which shrinks the UI" "seconds"
  npm_fetch "$BINARYEN_DIR" "binaryen@$BINARYEN_VERSION"
}

engine() {
  rm -rf "$TOOLS/scratch"
  local package
  package="$(engine_package)" || die "there is no embedded ClickHouse for $(uname -sm); Skein needs Linux or macOS on x86-64 or arm64"
  [[ -f "$(engine_library)" ]] && return
  step "fetching the ClickHouse library $ENGINE_VERSION (130 MB)" "about a minute, once per machine"
  npm_fetch "$ENGINE_DIR" "$package@$ENGINE_VERSION"
  [[ -f "$(engine_library)" ]] || die "$package holds no libchdb.so"
}

npm_fetch() {
  local dir="$1" package="$2"
  rm -rf "$dir.part"
  mkdir -p "$dir.part"
  watched npm install --prefix "$dir.part" --no-save --ignore-scripts --no-fund --no-audit "$package" ||
    die_with_log "npm could not fetch $package"
  rm -rf "$dir"
  mv "$dir.part" "$dir"
}

# --- test --------------------------------------------------------------------

setup_test() {
  require_rust
  require_node
  browser_packages
  chromium
  python_packages
  nextest
}

test_is_whole() {
  [[ -d "$ROOT/end2end/node_modules/@playwright/test" && -x "$VENV_DIR/bin/pytest" ]] &&
    (source "$SETUP_DIR/chromium.env" && [[ -x "$SKEIN_CHROMIUM" ]])
}

browser_packages() {
  step "installing the npm packages of end2end" "seconds"
  watched npm ci --prefix "$ROOT/end2end" --ignore-scripts --no-fund --no-audit ||
    die_with_log "npm could not install the packages of end2end"
}

chromium() {
  local path
  if ! path="$(find_chromium)"; then
    step "fetching Chromium for the browser tests" "one to three minutes"
    if (cd "$ROOT/end2end" && watched timeout 300 npx playwright install chromium) 2>/dev/null; then
      path="$(cd "$ROOT/end2end" && node -p 'require("@playwright/test").chromium.executablePath()')"
    else
      note "Playwright cannot fetch its own here"
      apt_install "Chromium" chromium
      path="$(find_chromium)" || die "chromium was installed but is not on PATH: set SKEIN_CHROMIUM to it"
    fi
  fi
  printf 'export SKEIN_CHROMIUM=%q\n' "$path" >"$SETUP_DIR/chromium.env"
}

find_chromium() {
  local name
  for name in "${SKEIN_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    [[ -n "$name" ]] && type -P "$name" && return
  done
  return 1
}

python_packages() {
  local python
  python="$(find_python)" || {
    apt_install "Python 3 with venv" python3 python3-venv
    python="$(find_python)" || die "python3 cannot make a virtual environment: install python3-venv, then run this again"
  }
  step "installing the Python packages of the SDK tests" "under a minute"
  "$python" -m venv --clear "$VENV_DIR"
  watched "$VENV_DIR/bin/pip" install --quiet --disable-pip-version-check --requirement "$ROOT/end2end/sdk/requirements.txt" ||
    die_with_log "pip could not install end2end/sdk/requirements.txt"
}

find_python() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import venv, ensurepip' 2>/dev/null && echo "$python" && return
  done
  return 1
}

# Nextest only makes the run faster and its report better: cargo test will do.
nextest() {
  cargo nextest --version >/dev/null 2>&1 && return
  note "cargo-nextest is not installed; the tests run with plain cargo test (\`cargo install cargo-nextest --locked\` adds it)"
}

# --- helpers -----------------------------------------------------------------

fingerprint() {
  local -a parts=("$ROOT/scripts/setup.sh" "$ROOT/scripts/env.sh" "$ROOT/rust-toolchain.toml")
  [[ "$1" == test ]] && parts+=("$ROOT/end2end/package-lock.json" "$ROOT/end2end/sdk/requirements.txt")
  { echo "$TOOLS $BINDGEN_VERSION ${SKEIN_WASM:-} ${SKEIN_CHROMIUM:-} $ROOT"; cat "${parts[@]}"; } | cksum
}

say() { printf 'setup: %s\n' "$*"; }
step() { printf 'setup: %s (%s)\n' "$1" "$2"; }
note() { printf 'setup:   %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

die_with_log() {
  tail -n 15 "$SETUP_DIR/step.log" | sed 's/^/setup:   | /' >&2
  die "$1 (whole log: ${SETUP_DIR#"$ROOT"/}/step.log)"
}

# Runs a long command with its output in a log, and says every 15 seconds that it lives.
watched() {
  local log="$SETUP_DIR/step.log" began=$SECONDS pid ticks=0 status=0
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.25
    ticks=$((ticks + 1))
    if ((ticks % 60 == 0)); then
      note "$((SECONDS - began)) s, still working$(progress "$log")"
    fi
  done
  wait "$pid" || status=$?
  trap - INT TERM
  ((status != 0)) || note "done in $((SECONDS - began)) s"
  return "$status"
}

progress() {
  local crates
  crates="$(grep -c '^ *Compiling' "$1" || true)"
  ((crates > 0)) && printf ': %s crates so far' "$crates" || true
}

# Installs Debian packages, or says exactly which ones to install.
apt_install() {
  local what="$1"
  shift
  command -v apt-get >/dev/null || die "$what is missing; on Debian it is: $*"
  local -a as_root=()
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || die "$what is missing; run: sudo apt-get install $*"
    as_root=(sudo)
  fi
  step "installing $what: $*" "one to three minutes"
  local -a install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  watched "${install[@]}" || {
    note "the package lists may be old; refreshing them"
    watched "${as_root[@]}" apt-get update
    watched "${install[@]}"
  } || die_with_log "apt-get could not install: $*"
}

main "$@"
