import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

const PICTURE = `
  shop: GET /checkout          0-420  http.request.method=GET
    cart: POST /reserve       10-300  basket=needle-42
      cart-db: SELECT carts   20-280  !lock wait timeout
    mail: publish receipt    310-400
`;

test("the first screen says what failed and what was waited for", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("first-error")).toContainText("lock wait timeout");
  const path = page.getByTestId("critical-path");
  await expect(path).toContainText("cart-db");
  const toggle = path.getByRole("button", { name: "Critical path" });
  await expect(toggle).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("c");
  await expect(toggle).toHaveAttribute("aria-pressed", "false");
  // Along the path, in order of time: the root, then what it waited for first.
  await page.keyboard.press("x");
  await page.keyboard.press("x");
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("POST /reserve");
  await expectAccessible(page);
});

test("find looks into attributes, and hides what it did not find", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(4);
  await page.keyboard.press("/");
  await page.keyboard.type("NEEDLE-42");
  await expect(page.getByTestId("find-count")).toHaveText("1 of 1");
  await page.getByTestId("filter").click();
  await expect(rows).toHaveCount(2);
  await expect(page.getByTestId("filter")).toHaveText("2 hidden");
  await page.getByTestId("filter").click();
  await expect(rows).toHaveCount(4);
});

test("the views share the selection and are kept in the address", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("waterfall")).toBeVisible();
  await page.keyboard.press("2");
  const flame = page.getByTestId("flame");
  await expect(flame).toBeVisible();
  await expect(page).toHaveURL(/view=flame/);
  await expectAccessible(page);
  // The root is the first lane under the axis.
  await flame.click({ position: { x: 300, y: 30 } });
  await expect(page.getByTestId("span-detail")).toContainText("GET /checkout");
  await page.keyboard.press("3");
  await expect(page.getByTestId("group-row")).toHaveCount(4);
  await expectAccessible(page);
  await page.getByRole("combobox", { name: "Group by" }).selectOption("attribute");
  await page.getByRole("combobox", { name: "Attribute to group by" }).fill("basket");
  await page.getByRole("combobox", { name: "Attribute to group by" }).press("Enter");
  await expect(page.getByTestId("group-row")).toHaveCount(1);
  await expect(page.getByTestId("group-row")).toContainText("needle-42");
  await page.reload();
  await expect(page.getByTestId("span-table")).toBeVisible();
});

test("a log tool's link opens the span", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  const span = trace.spans[1]!;
  await page.goto(`/link?trace_id=${trace.traceId.toUpperCase()}&span_id=${span.spanId}&ts=0`);
  await expect(page.getByTestId("span-detail")).toContainText("POST /reserve");
});

test("a trace is opened with at most eight requests", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("critical-path")).toBeVisible();
  await expect.poll(() => asked).toContain("/fn/get_trace_logs");
  await page.waitForLoadState("networkidle");
  expect(asked.length, asked.join(" ")).toBeLessThanOrEqual(8);
});
