// Writes a brotli and a gzip copy beside every file of a folder that gains from it, when it changed.
// Usage: node scripts/precompress.mjs dist
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const COMPRESSIBLE = new Set([".css", ".html", ".js", ".json", ".svg", ".txt", ".wasm", ".webmanifest"]);

const encoders = {
  ".br": (bytes) =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  ".gz": (bytes) => gzipSync(bytes, { level: 9 }),
};

const folder = process.argv[2];
if (!folder) {
  console.error("usage: precompress.mjs <folder>");
  process.exit(2);
}

let plain = 0;
let packed = 0;
for (const path of files(folder)) {
  const extension = extname(path);
  if (extension in encoders) {
    if (!existsSync(path.slice(0, -extension.length))) rmSync(path);
    continue;
  }
  const size = statSync(path).size;
  plain += size;
  if (COMPRESSIBLE.has(extension)) compress(path);
  packed += existsSync(`${path}.br`) ? statSync(`${path}.br`).size : size;
}
console.log(`ui, both programs: ${kilobytes(plain)} kB, ${kilobytes(packed)} kB compressed`);

function compress(path) {
  const changed = statSync(path).mtimeMs;
  const stale = Object.keys(encoders).filter((extension) => {
    const copy = path + extension;
    return !existsSync(copy) || statSync(copy).mtimeMs < changed;
  });
  if (stale.length === 0) return;
  const bytes = readFileSync(path);
  for (const extension of stale) {
    const copy = encoders[extension](bytes);
    // A copy that is no smaller would only cost the browser time.
    if (copy.length < bytes.length) writeFileSync(path + extension, copy);
    else rmSync(path + extension, { force: true });
  }
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

function kilobytes(bytes) {
  return Math.round(bytes / 1000);
}
