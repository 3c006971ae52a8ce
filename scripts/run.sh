#!/usr/bin/env bash
# Starts skein and its demo traffic, prints the address when it is ready, and stops both on Ctrl-C.
# Flags and variables are those of `skein serve`: `make run ARGS="--http 127.0.0.1:8080"`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"

SKEIN="$ROOT/target/release/skein"
RUN_DIR="$ROOT/target/run"
READY_WITHIN_SECS=120

server=""
demo=""

main() {
  mkdir -p "$RUN_DIR"
  trap 'stop; exit 0' INT TERM HUP
  # Job control gives each child a process group of its own, so Ctrl-C reaches this
  # script alone and both are stopped in order.
  set -m
  say "starting skein (log: target/run/serve.log)"
  "$SKEIN" serve "$@" >"$RUN_DIR/serve.out" 2>"$RUN_DIR/serve.log" </dev/null &
  server=$!
  wait_until_ready

  SKEIN_DEMO_ENDPOINT="http://$(address otlp_grpc)" "$SKEIN" demo >"$RUN_DIR/demo.log" 2>&1 </dev/null &
  demo=$!
  say "demo traffic is flowing (log: target/run/demo.log)"
  say "open $http    (Ctrl-C stops it; the data stays)"
  watch
}

wait_until_ready() {
  local deadline=$((SECONDS + READY_WITHIN_SECS))
  http=""
  until [[ -n "$http" ]] && answers_ready "${http#http://}"; do
    alive "$server" || give_up
    if ((SECONDS >= deadline)); then
      say "not ready after $READY_WITHIN_SECS seconds; the last lines of its log:"
      tail -n 15 "$RUN_DIR/serve.log" >&2
      stop
      exit 1
    fi
    sleep 0.1
    [[ -n "$http" ]] || http="http://$(address http)"
    [[ "$http" != "http://" ]] || http=""
  done
}

# The server prints each address it has bound as `name url`.
address() {
  local url
  url="$(awk -v name="$1" '$1 == name { print $2; exit }' "$RUN_DIR/serve.out")"
  echo "${url#http://}"
}

answers_ready() {
  local host="${1%:*}" port="${1##*:}" status=""
  { exec 8<>"/dev/tcp/$host/$port"; } 2>/dev/null || return 1
  printf 'GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" >&8
  read -r -t 5 _ status _ <&8 || true
  exec 8>&-
  [[ "$status" == 200 ]]
}

watch() {
  while alive "$server"; do
    if [[ -n "$demo" ]] && ! alive "$demo"; then
      say "the demo traffic has stopped; the end of its log:"
      tail -n 5 "$RUN_DIR/demo.log" >&2
      demo=""
    fi
    sleep 0.5
  done
  give_up
}

give_up() {
  local status=0
  wait "$server" || status=$?
  server=""
  stop
  say "skein has stopped by itself (exit $status); the end of its log:"
  tail -n 15 "$RUN_DIR/serve.log" >&2
  exit "$((status == 0 ? 1 : status))"
}

# The sender first, so nothing is refused while the server drains.
stop() {
  trap '' INT TERM HUP
  local pid
  [[ -z "$demo$server" ]] || say "stopping"
  for pid in $demo $server; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}

alive() { kill -0 "$1" 2>/dev/null; }
say() { printf 'run: %s\n' "$*"; }

main "$@"
