import { expectAccessible } from "../support/a11y.ts";
import { drawn, otlpJson } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

const AGO_MS = 120_000;

const SESSION = `
  shop: session              0-10000
    shop: GET /cart         10-60     http.request.method=GET url.path=/cart http.response.status_code=200
      cart-db: SELECT       20-50     db.query.text={"select":[1,2],"from":"carts"}
    shop: GET /pay        9900-9990
`;

test("a span's detail reads well and leads on", async ({ page, skein }) => {
  const trace = drawn(SESSION, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[1]!.spanId}`);
  const detail = page.getByTestId("span-detail");
  await expect(detail.getByTestId("http-line")).toHaveText("GET /cart → 200");
  await expectAccessible(page);
  const route = detail.locator("[data-key='url.path']");
  await route.hover();
  await route.getByRole("link", { name: "Find traces with this url.path" }).click();
  await expect(page.getByTestId("trace-row")).toHaveCount(1);
  await page.goBack();
  await detail.getByTestId("find-alike").click();
  await expect(page.getByTestId("trace-row")).toHaveCount(1);
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[2]!.spanId}`);
  await expect(detail.locator("[data-key='db.query.text'] pre")).toContainText('"from": "carts"');
});

test("idle stretches of the time axis fold", async ({ page, skein }) => {
  const trace = drawn(SESSION, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const toggle = page.getByTestId("fold-idle");
  await expect(toggle).toHaveText("Fold idle time 98 %");
  await page.keyboard.press("i");
  await expect(toggle).toHaveAttribute("aria-pressed", "true");
  await expect(page).toHaveURL(/idle=folded/);
  await page.reload();
  await expect(toggle).toHaveAttribute("aria-pressed", "true");
  await toggle.click();
  await expect(page).not.toHaveURL(/idle=/);
});

test("operations and their calls are a graph that shares the selection", async ({ page, skein }) => {
  const trace = drawn(SESSION, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("waterfall")).toBeVisible();
  await page.keyboard.press("5");
  await expect(page.getByTestId("call-node")).toHaveCount(4);
  await page.getByTestId("call-node").filter({ hasText: "SELECT" }).click();
  await expect(page.getByTestId("span-detail")).toContainText("cart-db");
  await expect(page).toHaveURL(/view=calls/);
  await expectAccessible(page);
});

test("spans that come while one watches are added", async ({ page, skein }) => {
  const trace = drawn("  shop: GET /cart 0-60\n    cart: read 10-20");
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(2);
  await expect(page.getByTestId("growing")).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("read");
  const late = drawn(`  cart-db: SELECT 12-18 #parent=${trace.spans[1]!.spanId}`);
  const answer = await fetch(`${skein.otlpHttp}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(otlpJson({ ...late, traceId: trace.traceId, startNs: trace.startNs })),
  });
  expect(answer.ok).toBe(true);
  await expect(rows).toHaveCount(3);
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("read");
});

test("a trace can be downloaded as OTLP", async ({ page, skein }) => {
  const trace = drawn(SESSION, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const href = await page.getByRole("link", { name: "Download" }).getAttribute("href");
  const answer = await page.request.get(href!);
  expect(answer.headers()["content-disposition"]).toContain(`trace-${trace.traceId}.json`);
  expect(((await answer.json()) as { resourceSpans: unknown[] }).resourceSpans.length).toBe(2);
});
