#!/usr/bin/env bash
# Puts the ClickHouse library beside the binaries, where skein looks for it first.
# A hard link costs no disk; another file system gets a copy (release) or a symlink (debug).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

library="$(engine_library)"
place() {
  local beside="$ROOT/target/$1/libchdb.so" otherwise="$2"
  [[ "$beside" -ef "$library" ]] && return
  [[ -f "$beside" && ! "$library" -nt "$beside" && "$(stat -c %s "$beside")" == "$(stat -c %s "$library")" ]] && return
  mkdir -p "$ROOT/target/$1"
  rm -f "$beside"
  ln "$library" "$beside" 2>/dev/null || $otherwise "$library" "$beside"
}
place release "cp -p"
place debug "ln -s"
