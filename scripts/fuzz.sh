#!/usr/bin/env bash
# Feeds every decoder and the queue's recovery with what coverage leads to, by cargo-fuzz.
# `fuzz.sh` feeds all targets, `fuzz.sh otlp_traces query` only those named, each for SKEIN_FUZZ_SECONDS (60).
# Inputs go on from those in server/fuzz/corpus, which every `make test` tries as well, and grow in target/fuzz.
# `fuzz.sh --keep` takes over from there the fewest small ones that lead to the same places.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT/server/fuzz"

# A file for each target, one input a line, in base64.
KEPT="$ROOT/server/fuzz/corpus"
OUT="$ROOT/target/fuzz"
INPUT_MAX_BYTES=8192
KEPT_MAX_BYTES=256
SECONDS_EACH="${SKEIN_FUZZ_SECONDS:-60}"

main() {
  local what=feed failed=0 target
  if [[ "${1:-}" == --keep ]]; then
    what=keep
    shift
  fi
  local -a targets=("$@")
  ((${#targets[@]})) || mapfile -t targets < <(ls "$KEPT")
  build
  # Recovery opens a queue for every input.
  [[ ! -w /dev/shm ]] || export TMPDIR=/dev/shm
  for target in "${targets[@]}"; do
    printf '\n── %s ──\n' "$target"
    mkdir -p "$OUT/inputs/$target" "$OUT/found"
    unpack "$target"
    SKEIN_FUZZ_TARGET="$target" "$what" "$target" || failed=1
  done
  ((failed == 0)) || echo "what failed is in ${OUT#"$ROOT"/}/found" >&2
  return "$failed"
}

# The versions are those of the product.
build() {
  cargo +nightly fuzz --version >/dev/null ||
    die "fuzzing needs a nightly compiler and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz"
  mkdir -p "$OUT" "$ROOT/dist"
  cp "$ROOT/Cargo.lock" Cargo.lock
  cargo +nightly fuzz build --fuzz-dir . --sanitizer none --target-dir "$OUT/build"
  PROGRAM="$(ls "$OUT"/build/*/release/targets)"
}

unpack() {
  local folder="$OUT/kept/$1" line number=0
  rm -rf "$folder"
  mkdir -p "$folder"
  while read -r line; do
    number=$((number + 1))
    base64 -d <<<"$line" >"$folder/$number"
  done <"$KEPT/$1"
}

feed() {
  "$PROGRAM" "$OUT/inputs/$1" "$OUT/kept/$1" -max_total_time="$SECONDS_EACH" -max_len="$INPUT_MAX_BYTES" -timeout=10 \
    -artifact_prefix="$OUT/found/$1-" -print_final_stats=1
}

keep() {
  local fewest="$OUT/fewest/$1" small="$OUT/small/$1" input
  rm -rf "$fewest" "$small"
  mkdir -p "$fewest" "$small"
  find "$OUT/inputs/$1" "$OUT/kept/$1" -type f -size "-${KEPT_MAX_BYTES}c" -exec cp {} "$small" \;
  "$PROGRAM" -set_cover_merge=1 -use_counters=0 "$fewest" "$small"
  for input in "$fewest"/*; do
    base64 <"$input" | tr -d '\n'
    echo
  done | LC_ALL=C sort >"$KEPT/$1"
}

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

main "$@"
