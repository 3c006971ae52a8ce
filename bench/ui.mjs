// Measures the trace page and a bare page of the same rows in one sitting, and keeps the table in bench/results/.
//
//   make build && node bench/ui.mjs FOLDER [--runs 3] [--traces t1k,t10k,t100k,wide10k,deep2k] [--million]
//
// FOLDER holds measure.mjs, gen.py and floor.html (see README.md, "Work on it"). Nothing in it is changed: it is copied.
// The floor is what this machine and browser allow; figures are to be read beside it, and on a quiet machine.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const SPANS_A_REQUEST = 5_000;
const READY_WITHIN_MS = 120_000;
const STORED_WITHIN_MS = 300_000;

const [source, ...rest] = process.argv.slice(2);
const option = (name, otherwise) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : otherwise);
if (!source || source.startsWith("--")) fail("usage: node bench/ui.mjs FOLDER [--runs 3] [--traces t1k,…] [--million]");
const runs = option("--runs", "3");
const traces = option("--traces", "t1k,t10k,t100k,wide10k,deep2k").split(",");

const work = mkdtempSync(join(tmpdir(), "skein-ui-"));
const stopping = [];
process.on("exit", () => {
  stopping.forEach((stop) => stop());
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const bench = join(work, "bench");
cpSync(source, bench, { recursive: true });
await run("chmod", ["-R", "u+w", bench]);
if (!existsSync(join(bench, "node_modules"))) await run("npm", ["install", "--silent"], bench);
if (!existsSync(join(bench, "data", "index.json"))) await run("python3", ["gen.py", "data", ...traces], bench);
const index = JSON.parse(readFileSync(join(bench, "data", "index.json"), "utf8")).traces;

const addresses = await serve();
for (const name of traces) await store(name);
const floor = await serveFloor();
// One trace after the other on both pages, so that what else the machine does falls on both.
const found = { skein: [], floor: [] };
for (const name of traces) {
  for (const page of ["skein", "floor"]) found[page].push(...(await measure(page, name)));
}
const million = rest.includes("--million") ? await openMillion() : "";
write();

/** A server of its own, with an empty data folder. */
async function serve() {
  const data = join(work, "data");
  const flags = ["--http", "--otlp-grpc", "--otlp-http"].flatMap((flag) => [flag, "127.0.0.1:0"]);
  const child = spawn(join(ROOT, "target/release/skein"), ["serve", "--data-dir", data, ...flags], { stdio: "ignore" });
  stopping.push(() => child.kill("SIGTERM"));
  const answer = await until("skein is ready", READY_WITHIN_MS, async () => {
    const file = join(data, "addresses.json");
    if (!existsSync(file)) return undefined;
    const bound = JSON.parse(readFileSync(file, "utf8"));
    return (await fetch(`${url(bound.http)}/readyz`)).ok && bound;
  });
  return { http: url(answer.http), otlp: url(answer.otlp_http) };
}

/** Sends a trace in pieces that a sender might send, and waits until all of it is stored. */
async function store(name) {
  const { id } = index[name];
  const { resourceSpans } = JSON.parse(readFileSync(join(bench, "data", "otlp", `${id}.json`), "utf8"));
  let count = 0;
  for (const { resource, scopeSpans } of resourceSpans) {
    for (const { scope, spans } of scopeSpans) {
      count += spans.length;
      for (let at = 0; at < spans.length; at += SPANS_A_REQUEST) {
        await send({ resource, scopeSpans: [{ scope, spans: spans.slice(at, at + SPANS_A_REQUEST) }] });
      }
    }
  }
  await stored(id, count);
}

async function send(resourceSpans) {
  const body = gzipSync(JSON.stringify({ resourceSpans: [resourceSpans] }), { level: 1 });
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  await until("the spans are taken", STORED_WITHIN_MS, async () => {
    const answer = await fetch(`${addresses.otlp}/v1/traces`, { method: "POST", headers, body });
    if (!answer.ok && answer.status !== 429) fail(`/v1/traces answered ${answer.status}: ${await answer.text()}`);
    return answer.ok;
  });
}

async function stored(id, count) {
  await until(`${count} spans of ${id} are stored`, STORED_WITHIN_MS, async () => {
    const trace = await fetch(`${addresses.http}/api/traces/${id}`);
    if (!trace.ok) return undefined;
    // The summary comes first; the spans need not be read.
    const reader = trace.body.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return new TextDecoder().decode(value).includes(`"span_count":${count}`);
  });
}

async function serveFloor() {
  const server = createServer((request, response) => {
    const data = /^\/otlp\/([0-9a-f]{32})$/.exec(request.url)?.[1];
    const file = data ? join(bench, "data", "otlp", `${data}.json`) : join(bench, "floor.html");
    response.setHeader("content-type", data ? "application/json" : "text/html");
    response.end(readFileSync(file));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  stopping.push(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

function target(page, name) {
  if (page === "floor") {
    const known = JSON.parse(readFileSync(join(bench, "target-floor.json"), "utf8"));
    return { ...known, url: `${floor}/t/{id}` };
  }
  return {
    name: "skein",
    // Siblings alike are one row: with their groups unfolded there is a list to scroll and to jump in.
    url: `${addresses.http}/trace/{id}${name.startsWith("wide") ? "?opened=all" : ""}`,
    ready: "[data-testid=span-row]",
    row: "[data-testid=span-row]:not([hidden])",
    rowClick: "[data-testid=span-row]",
    scroll: "[data-testid=waterfall]",
    detail: "[data-testid=span-detail]",
    find: "[data-testid=find]",
    findCount: "[data-testid=find-count]",
    collapseAll: "key:[",
    expandAll: "key:]",
  };
}

async function measure(page, name) {
  const [file, out] = [join(work, `${page}.json`), join(work, `${page}-out.json`)];
  writeFileSync(file, JSON.stringify(target(page, name)));
  await run(process.execPath, ["measure.mjs", file, "--runs", runs, "--traces", name, "--out", out], bench);
  return JSON.parse(readFileSync(out, "utf8"));
}

/** A million spans, by the same generator's rules, and how long until its rows can be used. */
async function openMillion() {
  const [id, count] = ["1".repeat(31) + "a", 1_000_000];
  for (const piece of millionSpans(id, count)) await send(piece);
  await stored(id, count);
  index.t1m = { id, findMatches: 0 };
  writeFileSync(join(bench, "data", "index.json"), JSON.stringify({ token: "", traces: index }));
  const times = await measure("skein", "t1m");
  const row = (key, scale) => median(times.map((one) => get(one, key) * scale));
  return [
    "",
    "## A trace of 1,000,000 spans",
    "",
    `First row after ${row("readyMs", 1e-3).toFixed(2)} s, idle after ${row("idleMs", 1e-3).toFixed(2)} s; ` +
      `${row("scroll.fps", 1).toFixed(1)} frames/s while scrolling, p95 ${row("scroll.p95", 1).toFixed(0)} ms; ` +
      `jump ${row("jumpMs", 1).toFixed(0)} ms, detail ${row("detailMs", 1).toFixed(0)} ms; ` +
      `renderer ${row("pss", 1e-6).toFixed(0)} MB.`,
  ].join("\n");
}

function* millionSpans(id, count) {
  const [parent, depth, start, length] = [0, 1, 2, 3].map(() => new Float64Array(count));
  const base = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  let seed = 7;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  length[0] = 600e9;
  let spans = [];
  for (let at = 0; at < count; at++) {
    if (at > 0) {
      let above = Math.max(0, at - 1 - Math.floor(random() * 5_000));
      while (above > 0 && (depth[above] > 11 || length[above] < 2_000)) above = Math.floor(random() * above);
      [parent[at], depth[at]] = [above, depth[above] + 1];
      length[at] = Math.max(1_000, Math.floor(length[above] * random() * 0.6));
      start[at] = start[above] + Math.floor((length[above] - length[at]) * random());
    }
    const hex = (number) => (number + 1).toString(16).padStart(16, "0");
    spans.push({
      traceId: id,
      spanId: hex(at),
      parentSpanId: at > 0 ? hex(parent[at]) : "",
      name: `operation ${Math.floor(random() * 300)}`,
      kind: 2 + (at % 2),
      startTimeUnixNano: String(base + BigInt(start[at])),
      endTimeUnixNano: String(base + BigInt(start[at] + length[at])),
      status: at % 50 === 7 ? { code: 2, message: "upstream timed out" } : {},
    });
    if (spans.length === SPANS_A_REQUEST || at === count - 1) {
      const service = { key: "service.name", value: { stringValue: `service-${Math.floor(at / SPANS_A_REQUEST) % 40}` } };
      yield { resource: { attributes: [service] }, scopeSpans: [{ scope: {}, spans }] };
      spans = [];
    }
  }
}

function write() {
  const kinds = ["js", "wasm", "css", "html"];
  const code = (run) => kinds.reduce((sum, kind) => sum + (run.bytes?.[kind] ?? 0), 0) / 1_000;
  const lines = [
    ["code, kB", code],
    ["requests with the data", "requests"],
    ["first row, s", "readyMs", 1e-3, 2],
    ["idle, s", "idleMs", 1e-3, 2],
    ["longest task, s", "longMax", 1e-3, 2],
    ["renderer, MB", "pss", 1e-6, 0],
    ["elements", "dom"],
    ["scrolling, frames/s", "scroll.fps", 1, 1],
    ["frame p95, ms", "scroll.p95"],
    ["blank, %", "scroll.blankPct", 1, 1],
    ["jump, ms", "jumpMs"],
    ["detail, ms", "detailMs"],
    ["find, ms", "findMs"],
    ["fold all, ms", "collapseMs"],
    ["unfold all, ms", "expandMs"],
    ["other work on the machine, cores", "otherCores", 1, 1],
  ];
  const cell = (page, name, [, key, scale = 1, digits = 0]) => {
    const own = found[page].filter((run) => run.name === name);
    const values = own.map((run) => (typeof key === "function" ? key(run) : get(run, key))).filter(Number.isFinite);
    return values.length === 0 ? "–" : (median(values) * scale).toFixed(digits);
  };
  const columns = traces.flatMap((name) => ["skein", "floor"].map((page) => [page, name]));
  const table = [
    `| | ${columns.map(([page, name]) => `${name} ${page}`).join(" | ")} |`,
    `|---|${columns.map(() => "---:|").join("")}`,
    ...lines.map((line) => `| ${line[0]} | ${columns.map(([page, name]) => cell(page, name, line)).join(" | ")} |`),
  ];
  const machine = `${cpus().length}cores${Math.round(totalmem() / 1e9)}GB`;
  const day = new Date().toISOString().slice(0, 10);
  const text = [
    `# The trace page on ${day}`,
    "",
    `Machine: ${machine}, browser, server and engine share it. Medians of ${runs} runs, both pages in one sitting; `,
    "\"floor\" is a bare list of the same rows. A dash is what could not be measured there.",
    "wide10k is opened with its groups unfolded: folded, its 10,000 siblings are a dozen rows, and there is nothing to jump in.",
    "",
    ...table,
    million,
    "",
  ].join("\n");
  const stem = join(ROOT, "bench", "results", `${day}-${machine}-ui`);
  let file = `${stem}.md`;
  for (let turn = 2; existsSync(file); turn++) file = `${stem}-${turn}.md`;
  writeFileSync(file, text);
  console.log(text + file);
  process.exit(0);
}

function get(run, path) {
  return path.split(".").reduce((value, key) => value?.[key], run);
}

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function until(what, withinMs, ask) {
  const end = Date.now() + withinMs;
  while (Date.now() < end) {
    const answer = await ask().catch(() => undefined);
    if (answer) return answer;
    await new Promise((done) => setTimeout(done, 200));
  }
  return fail(`it took longer than ${withinMs / 1_000} s until ${what}`);
}

function url(address) {
  return address.includes("://") ? address.replace(/\/$/, "") : `http://${address}`;
}

/** The floor's pages are served from here meanwhile, so nothing waits without yielding. */
async function run(command, args, cwd = ROOT) {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  const status = await new Promise((done) => child.on("error", (error) => done(error.message)).on("exit", done));
  if (status !== 0) fail(`${command} ${args.join(" ")} failed: ${status}`);
}

function fail(why) {
  console.error(`ui bench: ${why}`);
  process.exit(1);
}
