import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

/** An installation nobody has sent anything to: a server for each test. */
const test = base.extend<{ fresh: Skein }>({
  fresh: async ({}, use) => {
    const skein = await Skein.start();
    await use(skein);
    await skein.stop();
  },
});

const PICTURE = `
  shop: GET /checkout          0-420  http.request.method=GET retries=2 vip=true
    cart: POST /reserve       10-300
      cart-db: SELECT carts   20-280  db.system=postgresql !lock wait timeout
    mail: publish receipt    310-400
`;

test("from the empty page to a span's attribute, and back by its address", async ({ page, context, fresh }) => {
  await page.goto(fresh.http);
  const empty = page.getByTestId("empty-state");
  await expect(empty).toContainText("/v1/");
  // The addresses are those of this server, whose ports are not the usual ones.
  const addresses = empty.locator("dd code");
  await expect(addresses).toHaveText([fresh.otlpGrpc, fresh.otlpHttp, `OTEL_EXPORTER_OTLP_ENDPOINT=${fresh.otlpGrpc}`]);
  await expectAccessible(page);

  // The page notices the first trace by itself.
  const trace = drawn(PICTURE);
  await fresh.seed(trace);
  const row = page.locator(`[data-testid=trace-row][data-trace-id="${trace.traceId}"]`);
  await expect(row).toContainText("GET /checkout");
  await expect(row).toContainText("cart-db");
  await expectAccessible(page);

  await row.click();
  await expect(page.getByTestId("trace-page")).toBeVisible();
  await expect(page.getByTestId("trace-status")).toContainText("error");
  const spans = page.getByTestId("span-row");
  await expect(spans).toHaveCount(4);
  await expectAccessible(page);

  await spans.filter({ hasText: "GET /checkout" }).click();
  const detail = page.getByTestId("span-detail");
  await expect(detail.locator('[data-testid=attribute][data-key="retries"]')).toContainText("2");
  await expect(detail.locator('[data-testid=attribute][data-key="vip"]')).toContainText("true");
  await expectAccessible(page);

  // The address alone brings the same view back.
  const again = await context.newPage();
  await again.goto(page.url());
  await expect(again.getByTestId("span-detail").locator('[data-key="http.request.method"]')).toContainText("GET");

  await page.goBack();
  await expect(row).toBeVisible();
});

test("filters live in the address and can be taken off", async ({ page, fresh }) => {
  const good = drawn("shop: GET /   0-20");
  const bad = drawn("shop: GET /pay   0-90 !card declined");
  await fresh.seed(good);
  await fresh.seed(bad);
  await page.goto(fresh.http);
  const rows = page.getByTestId("trace-row");
  await expect(rows).toHaveCount(2);
  await page.getByTestId("errors-only").click();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("GET /pay");
  await page.reload();
  await expect(rows).toHaveCount(1);
  await page.getByTestId("chip").first().click();
  await expect(rows).toHaveCount(2);
});

test("keyboard alone: from the list to an error and back", async ({ page, fresh }) => {
  const trace = drawn(PICTURE);
  await fresh.seed(trace);
  await page.goto(fresh.http);
  await expect(page.getByTestId("trace-row")).toHaveCount(1);
  await page.keyboard.press("?");
  const help = page.getByRole("dialog");
  await expect(help).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("trace-page")).toBeVisible();
  await page.keyboard.press("e");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("span-detail")).toContainText("lock wait timeout");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("span-detail")).toBeHidden();

  await page.keyboard.press("/");
  await page.keyboard.type("receipt");
  await expect(page.getByTestId("find-count")).toContainText("1");
  // Once to empty the box, once to leave it.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("[");
  await expect(page.getByTestId("span-row").filter({ visible: true })).toHaveCount(1);
  await page.keyboard.press("]");
  await expect(page.getByTestId("span-row").filter({ visible: true })).toHaveCount(4);
});

test("an id in any notation opens its trace, an unknown one is explained", async ({ page, fresh }) => {
  const trace = drawn(PICTURE);
  await fresh.seed(trace);
  const id = trace.traceId;
  for (const text of [id.toUpperCase(), `00-${id}-${trace.spans[0]!.spanId}-01`, `${id}-${trace.spans[0]!.spanId}-1`]) {
    await page.goto(fresh.http);
    await page.getByTestId("trace-id").fill(text);
    await page.keyboard.press("Enter");
    await expect(page.getByTestId("trace-page")).toBeVisible();
    expect(page.url()).toContain(id);
  }
  await page.goto(`${fresh.http}/trace/${"ab".repeat(16)}`);
  await expect(page.getByTestId("trace-missing")).toBeVisible();
  await expectAccessible(page);
});

test("ten thousand spans: few elements, and the end is a key away", async ({ page, fresh }) => {
  const children = Array.from({ length: 9_999 }, (_, i) => `  pool: job ${i}   ${i}-${i + 5}`);
  await fresh.seed(drawn(["pool: run   0-10010", ...children].join("\n")));
  await page.goto(fresh.http);
  await page.getByTestId("trace-row").click();
  await expect(page.getByTestId("span-row").first()).toBeVisible();
  expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(2_000);
  await page.getByTestId("waterfall").evaluate((list) => (list.scrollTop = list.scrollHeight));
  await expect(page.getByTestId("span-row").filter({ hasText: "job 9998" })).toBeVisible();
});
