// Measures the map at a size and the comparison of two large traces, and keeps the table in bench/results/.
//
//   make build && node bench/pages.mjs [--services 2000] [--edges 10000] [--spans 1000,10000] [--runs 3]
//
// It starts a server of its own. Run it on a quiet machine: the browser draws without a graphics card.
import { createRequire } from "node:module";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const { chromium } = createRequire(join(ROOT, "end2end/package.json"))("@playwright/test");
const LAYERS = 10;
const NAMESPACES = 40;
const PAN_MS = 3_000;
const WITHIN_MS = 180_000;

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const services = Number(option("--services", "2000"));
const edges = Number(option("--edges", "10000"));
const [small, large] = option("--spans", "1000,10000").split(",").map(Number);
const runs = Number(option("--runs", "3"));
const shots = option("--shots", "");

const work = mkdtempSync(join(tmpdir(), "skein-pages-"));
const stopping = [];
process.on("exit", () => {
  stopping.forEach((stop) => stop());
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const { http, otlp } = await serve();
await callEachOther();
const pair = [await deepTrace(1, small), await deepTrace(2, large)];
await until("all calls are settled", async () => {
  const graph = await json("/api/dependencies");
  return graph.complete && graph.edges.length >= edges;
});
const browser = await chromium.launch({
  executablePath: process.env.SKEIN_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
stopping.push(() => browser.close());
const rows = [];
await measureMap();
await measureDiff();
await browser.close();
keep();
process.exit(0);

async function serve() {
  const flags = ["--http", "--otlp-grpc", "--otlp-http"].flatMap((flag) => [flag, "127.0.0.1:0"]);
  const binary = option("--skein", join(ROOT, "target/release/skein"));
  const child = spawn(binary, ["serve", "--data-dir", join(work, "data"), ...flags], { stdio: "ignore" });
  stopping.push(() => child.kill("SIGTERM"));
  const bound = await until("skein is ready", async () => {
    const file = join(work, "data", "addresses.json");
    if (!existsSync(file)) return undefined;
    const bound = JSON.parse(readFileSync(file, "utf8"));
    return (await fetch(`${bound.http}/readyz`)).ok && bound;
  });
  return { http: bound.http, otlp: bound.otlp_http };
}

/** One trace of two spans for each edge, of services in layers. */
async function callEachOther() {
  const layer = services / LAYERS;
  const now = BigInt(Date.now()) * 1_000_000n;
  const callers = services - layer;
  const name = (n) => `team-${n % NAMESPACES}-service-${n}`;
  const of = (service, span) => ({
    resource: {
      attributes: [
        { key: "service.name", value: { stringValue: name(service) } },
        { key: "service.namespace", value: { stringValue: `team-${service % NAMESPACES}` } },
      ],
    },
    scopeSpans: [{ spans: [span] }],
  });
  for (let first = 0; first < edges; first += 1_000) {
    const resourceSpans = [];
    for (let edge = first; edge < Math.min(first + 1_000, edges); edge++) {
      const from = edge % callers;
      // Most of the calls of a service go to whoever is near: teams call each other.
      const to = (Math.floor(from / layer) + 1) * layer + ((from + Math.floor(edge / callers) * 3) % layer);
      const span = (number, parent, kind, ms) => ({
        traceId: id(0x1000000 + edge, 16),
        spanId: id(number, 8),
        parentSpanId: parent ? id(parent, 8) : "",
        name: parent ? "answer" : "call",
        kind,
        startTimeUnixNano: String(now - 60_000_000_000n),
        endTimeUnixNano: String(now - 60_000_000_000n + BigInt(ms) * 1_000_000n),
      });
      resourceSpans.push(of(from, span(edge * 2 + 1, 0, 3, 20)), of(to, span(edge * 2 + 2, edge * 2 + 1, 2, 15)));
    }
    await send(resourceSpans);
  }
}

/** A trace whose spans call three others each, of which each tenth takes longer in the larger one. */
async function deepTrace(number, spans) {
  const start = BigInt(Date.now() - 50_000) * 1_000_000n;
  const traceId = id(0x7000_0000 + number, 16);
  const list = [];
  for (let n = 0; n < spans; n++) {
    const parent = Math.floor((n - 1) / 3);
    const level = Math.floor(Math.log(2 * n + 1) / Math.log(3));
    const length = BigInt(Math.max(1, 4_000 - level * 400 + (n % 10 === 0 ? number * 20 : 0)));
    list.push({
      traceId,
      spanId: id(number * 1_000_000 + n + 1, 8),
      parentSpanId: n ? id(number * 1_000_000 + parent + 1, 8) : "",
      name: `step ${n % 97}`,
      kind: 1,
      startTimeUnixNano: String(start + BigInt(level * 1_000_000 + (n % 3) * 100_000)),
      endTimeUnixNano: String(start + BigInt(level * 1_000_000 + (n % 3) * 100_000) + length * 1_000_000n),
    });
  }
  const attributes = [{ key: "service.name", value: { stringValue: "compared" } }];
  await send([{ resource: { attributes }, scopeSpans: [{ spans: list }] }]);
  return traceId;
}

async function measureMap() {
  const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
  const counts = page.getByTestId("map-counts");
  for (let run = 0; run <= runs; run++) {
    const begun = Date.now();
    await page.goto(`${http}/map`);
    // Before an answer it says that there are none.
    await counts.getByText(/[1-9][\d,]* nodes/).waitFor();
    await drawn(page);
    rows.push(["map: first picture", run === 0 ? "cold" : "again", `${Date.now() - begun} ms`, "≤ 1,000 ms"]);
  }
  const what = await counts.textContent();
  if (shots) await page.screenshot({ path: `${shots}-map.png` });
  const box = await page.getByTestId("map").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  rows.push(["map: pan, everything in view", what, await pan(page, x, y), "≥ 45 frames/s"]);
  for (let step = 0; step < 8; step++) await page.keyboard.press("+");
  await drawn(page);
  rows.push(["map: pan, names readable", what, await pan(page, x, y), "≥ 45 frames/s"]);
  await page.keyboard.press("0");
  const act = async (name, action) => {
    const took = [];
    for (let run = 0; run < runs; run++) {
      const begun = Date.now();
      await action(run);
      await drawn(page);
      took.push(Date.now() - begun);
    }
    rows.push([`map: ${name}`, what, `${took.sort((a, b) => a - b)[Math.floor(runs / 2)]} ms`, "≤ 100 ms"]);
  };
  await act("next node", () => page.keyboard.press("j"));
  await act("only what is around it", () => page.keyboard.press("Enter"));
  if (shots) await page.screenshot({ path: `${shots}-around.png` });
  await page.keyboard.press("Escape");
  await act("a letter of a search", (run) => page.getByTestId("map-filter").fill(`service-11${run}`));
  if (shots) await page.screenshot({ path: `${shots}-found.png` });
  await page.getByTestId("map-filter").fill("");
  await page.getByTestId("map-filter").blur();
  await page.keyboard.press("n");
  await counts.getByText(new RegExp(`^${NAMESPACES} nodes`)).waitFor();
  await drawn(page);
  if (shots) await page.screenshot({ path: `${shots}-namespaces.png` });
  await page.close();
}

async function measureDiff() {
  const [a, b] = pair;
  for (let run = 0; run < runs; run++) {
    const begun = Date.now();
    await json(`/api/diff?a=${a}&b=${b}`);
    rows.push([`comparison of ${small} with ${large} spans: /api/diff`, "", `${Date.now() - begun} ms`, "≤ 1,000 ms"]);
  }
  const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
  for (let run = 0; run < runs; run++) {
    const begun = Date.now();
    await page.goto(`${http}/diff?a=${a}&b=${b}`);
    await page.getByTestId("diff-row").first().waitFor();
    await drawn(page);
    const what = run === 0 ? "cold" : "again";
    rows.push([`comparison of ${small} with ${large} spans: page`, what, `${Date.now() - begun} ms`, "≤ 1,000 ms"]);
  }
  if (shots) await page.screenshot({ path: `${shots}-diff.png` });
  await page.close();
}

/** Until what was asked for is on the screen. */
async function drawn(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function pan(page, x, y) {
  await page.evaluate(() => {
    window.frames_ = [];
    const tick = (at) => window.frames_ && (window.frames_.push(at), requestAnimationFrame(tick));
    requestAnimationFrame(tick);
  });
  await page.mouse.move(x, y);
  await page.mouse.down();
  const end = Date.now() + PAN_MS;
  for (let step = 0; Date.now() < end; step++) {
    await page.mouse.move(x + Math.sin(step / 20) * 300, y + Math.cos(step / 20) * 200);
  }
  await page.mouse.up();
  const gaps = await page.evaluate(() => {
    const frames = window.frames_;
    window.frames_ = undefined;
    return frames.slice(1).map((at, n) => at - frames[n]);
  });
  gaps.sort((a, b) => a - b);
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  return `${(1_000 / mean).toFixed(1)} frames/s, p95 ${gaps[Math.floor(gaps.length * 0.95)].toFixed(0)} ms`;
}

function keep() {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;
  const command = `node bench/pages.mjs --services ${services} --edges ${edges} --spans ${small},${large}`;
  const lines = [
    `# The map at a size, and two large traces compared`,
    "",
    `${date}, ${machine}, Chromium without a graphics card, 1600 × 900, browser and server on one machine. Made by`,
    `\`${command}\`.`,
    "",
    "| what | of | result | bar |",
    "| --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
  ];
  const file = join(option("--results", join(ROOT, "bench/results")), `${date}-pages.md`);
  writeFileSync(file, lines.join("\n"));
  console.log(lines.join("\n"));
}

function id(number, bytes) {
  return number.toString(16).padStart(bytes * 2, "0");
}

async function send(resourceSpans) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${otlp}/v1/traces`, { method: "POST", headers, body: JSON.stringify({ resourceSpans }) });
  if (!answer.ok) throw new Error(`/v1/traces answered ${answer.status}: ${await answer.text()}`);
}

async function json(path) {
  const answer = await fetch(http + path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

async function until(what, done) {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; ) {
    const answer = await Promise.resolve(done()).catch(() => undefined);
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what} took too long`);
}
