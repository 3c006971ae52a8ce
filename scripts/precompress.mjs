// Writes a brotli and a gzip copy beside every file of a folder that gains from it, when it changed. Says how large each
// program is that a browser has to fetch, and fails when one grows beyond what a slow line should have to carry.
// Usage: node scripts/precompress.mjs dist
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const COMPRESSIBLE = new Set([".css", ".html", ".js", ".json", ".svg", ".txt", ".wasm", ".webmanifest"]);
/** A document with the script and the program it names, compressed. */
const PROGRAM_MOST_BYTES = 450_000;

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

for (const path of files(folder)) {
  const extension = extname(path);
  if (extension in encoders) {
    if (!existsSync(path.slice(0, -extension.length))) rmSync(path);
    continue;
  }
  if (COMPRESSIBLE.has(extension)) compress(path);
}
for (const document of readdirSync(folder).filter((name) => extname(name) === ".html")) {
  const named = new Set(readFileSync(join(folder, document), "utf8").match(/[\w-]+\.(?:js|wasm)\b/g));
  const sizes = [document, ...named].map((name) => packed(join(folder, name)));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`${document}: ${sizes.map(kilobytes).join(" + ")} = ${kilobytes(total)} kB compressed`);
  if (total > PROGRAM_MOST_BYTES) {
    console.error(`${document} is larger than ${kilobytes(PROGRAM_MOST_BYTES)} kB: move what it can do without to the other program`);
    process.exitCode = 1;
  }
}

/** What a browser that knows brotli fetches. */
function packed(path) {
  return statSync(existsSync(`${path}.br`) ? `${path}.br` : path).size;
}

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
  return (bytes / 1000).toFixed(1);
}
