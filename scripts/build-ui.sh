#!/usr/bin/env bash
# Builds the UI into dist/: two programs, so that a trace opens without waiting for what it does not show.
# index.html has search and traces, reports.html the rest; they are the same crate with different features.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"

REPORTS_DIST="$ROOT/target/ui-reports"
# Styles of pages that the first program does not have.
REPORT_STYLES='style/(diff|explain|journey|map|receipts|series|services|status)\.css'

sed -E "\\#$REPORT_STYLES#d" app/index.html >app/first.html
trap 'rm -f app/first.html app/reports.html' EXIT
scripts/trunk.sh build --release --dist "$ROOT/dist" app/first.html
[ -f dist/index.html ] || mv dist/*.html dist/index.html
sed 's/data-cargo-features="csr"/data-cargo-features="csr,reports"/' app/index.html >app/reports.html
scripts/trunk.sh build --release --dist "$REPORTS_DIST" app/reports.html
mv "$REPORTS_DIST"/*.html dist/reports.html
mv "$REPORTS_DIST"/* dist/
node scripts/shorten.mjs dist
for program in dist/*_bg.wasm; do
  wasm-opt -Oz --enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
    --enable-reference-types --enable-sign-ext "$program" -o "$program"
done
node scripts/precompress.mjs dist
