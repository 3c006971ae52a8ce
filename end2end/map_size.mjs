// Measures the map at a size: node map_size.mjs <http address> <otlp address> [services] [edges]
// Sends one two-span trace an edge, waits until they are counted, then times the first picture and a pan.
import { chromium } from "@playwright/test";
const [, , http, otlp, services = "2000", edges = "10000"] = process.argv;
const count = Number(services);
const id = (n, bytes) => n.toString(16).padStart(bytes * 2, "0");
const now = BigInt(Date.now()) * 1_000_000n;

const attributes = (service, namespace) => [
  { key: "service.name", value: { stringValue: service } },
  { key: "service.namespace", value: { stringValue: namespace } },
];
const name = (n) => `team-${n % 40}-service-${n}`;
// In layers, as call graphs are: each calls some of the next.
const layers = 10;
const pair = (edge) => {
  const from = edge % (count - count / layers);
  const layer = Math.floor(from / (count / layers));
  const to = (layer + 1) * (count / layers) + ((edge * 7919 + Math.floor(edge / count) * 31) % (count / layers));
  return [from, to];
};
const span = (trace, n, parent, operation, kind, ms) => ({
  traceId: id(trace, 16), spanId: id(n, 8), parentSpanId: parent ? id(parent, 8) : "",
  name: operation, kind, startTimeUnixNano: String(now - 60_000_000_000n), endTimeUnixNano: String(now - 60_000_000_000n + BigInt(ms) * 1_000_000n),
});
for (let from = 0; from < Number(edges); from += 1000) {
  const resourceSpans = [];
  for (let edge = from; edge < Math.min(from + 1000, Number(edges)); edge++) {
    const [a, b] = pair(edge);
    const trace = 0x1000000 + edge;
    const of = (service, s) => ({ resource: { attributes: attributes(name(service), `team-${service % 40}`) }, scopeSpans: [{ spans: [s] }] });
    resourceSpans.push(of(a, span(trace, edge * 2 + 1, 0, "call", 3, 20)), of(b, span(trace, edge * 2 + 2, edge * 2 + 1, "answer", 2, 15)));
  }
  const answer = await fetch(`${otlp}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans }) });
  if (!answer.ok) throw new Error(await answer.text());
}
for (;;) {
  const found = await (await fetch(`${http}/api/dependencies`)).json();
  if (found.complete && found.edges.length >= Number(edges) * 0.95) { console.log(`${found.edges.length} edges are known`); break; }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
const browser = await chromium.launch({ executablePath: process.env.SKEIN_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
const warm = process.argv[6] ?? "";
for (const round of ["cold", "warm", "warm"]) {
  const begun = Date.now();
  await page.goto(`${http}/map${warm}`);
  await page.getByTestId("map-counts").getByText("nodes").waitFor();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const text = await page.getByTestId("map-counts").textContent();
  console.log(`${round}: first picture after ${Date.now() - begun} ms: ${text}`);
}
const box = await page.getByTestId("map").boundingBox();
await page.evaluate(() => {
  window.frames_ = [];
  const tick = (at) => { window.frames_.push(at); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
});
await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
await page.mouse.down();
const until = Date.now() + 3000;
for (let step = 0; Date.now() < until; step++) await page.mouse.move(box.x + box.width / 2 + Math.sin(step / 20) * 300, box.y + box.height / 2 + Math.cos(step / 20) * 200);
await page.mouse.up();
const gaps = await page.evaluate(() => window.frames_.slice(1).map((at, i) => at - window.frames_[i]));
gaps.sort((a, b) => a - b);
const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
console.log(`pan: ${(1000 / mean).toFixed(1)} frames/s, p95 ${gaps[Math.floor(gaps.length * 0.95)].toFixed(1)} ms`);
await page.screenshot({ path: process.env.SHOT ?? "/tmp/map.png" });
await browser.close();
