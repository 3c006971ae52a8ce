import { type Page } from "@playwright/test";
import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

/** Keeps the first request to a path waiting until `answer` is called. */
async function hold(page: Page, path: string) {
  let answer = () => {};
  const until = new Promise<void>((done) => (answer = done));
  let seen = () => {};
  const held = new Promise<void>((done) => (seen = done));
  await page.route(`**${path}`, async (route) => {
    seen();
    await until;
    await route.continue();
  });
  return { answer, held };
}

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

test("a word that is nowhere is said to be so once attributes were looked through", async ({ page, skein }) => {
  const trace = drawn(PICTURE);
  await skein.seed(trace);
  const { answer, held } = await hold(page, "/fn/find_in_trace");
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("span-row").first()).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("n");
  await held;
  await page.keyboard.type("owhere");
  await expect(page.getByTestId("find-count")).toHaveText("…");
  answer();
  await expect(page.getByTestId("find-count")).toHaveText("0 found");
});

test("services below the edge of their list are counted, and a click goes to them", async ({ page, skein }) => {
  const calls = Array.from({ length: 40 }, (_, n) => `  department-${n}: GET /part/${n}  ${n}-${n + 5}`);
  const trace = drawn(["shop: GET /all  0-100", ...calls].join("\n"));
  await skein.seed(trace);
  await page.setViewportSize({ width: 1600, height: 900 });
  await page.goto(`/trace/${trace.traceId}`);
  const more = page.getByTestId("legend-more");
  await expect(more).toHaveText(/^[1-3]?\d more$/);
  await expectAccessible(page);
  const before = Number.parseInt(await more.innerText());
  await more.click();
  await expect.poll(async () => ((await more.isHidden()) ? 0 : Number.parseInt(await more.innerText()))).toBeLessThan(before);
  await page.locator(".Legend").evaluate((legend) => (legend.scrollTop = legend.scrollHeight));
  await expect(more).toBeHidden();
});

test("an answer without a reason is told in plain words", async ({ page }) => {
  await page.route("**/fn/get_trace", (route) => route.fulfill({ status: 503, body: "" }));
  await page.goto(`/trace/${drawn(PICTURE).traceId}`);
  await expect(page.getByTestId("error-state")).toContainText("The answer was 503, without a reason");
  await expect(page.getByTestId("error-state")).toContainText("busy or restarting");
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
