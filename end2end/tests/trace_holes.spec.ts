import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

const AGO_MS = 120_000;
/** Until spans have been quiet for so long, what is missing may still come; the page looks again by itself. */
const SETTLED = { timeout: 60_000 };

const BROKEN = `
  shop: GET /checkout      0-400
    shop: call cart       10-300  #kind=client
  cart: POST /reserve     20-280  #parent=00000000000000aa
    cart-db: SELECT       30-40
  mail: send             310-320  #parent=00000000000000bb #kind=internal
  mail: echo             330-340  #id=00000000000000cc #parent=00000000000000cc
  mail: again            350-360  #id=00000000000000cc
`;

test("missing parents are rows that say why, and the header names them", async ({ page, skein }) => {
  const trace = drawn(BROKEN, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(9);
  // Under the call that nobody answered.
  await expect(rows.nth(2)).toContainText("parent 00000000000000aa is missing: still on its way");
  await expect(rows.nth(2)).toContainText("parent 00000000000000aa is missing: context lost at a call", SETTLED);
  await expect(rows.nth(2)).toHaveAttribute("aria-level", "3");
  await expect(rows.nth(3)).toContainText("POST /reserve");
  await expect(page.getByTestId("hole").filter({ hasText: "context lost at a call" })).toBeVisible();
  await page.getByTestId("hole").filter({ hasText: "never sent" }).click();
  const detail = page.getByTestId("extra-detail");
  await expect(detail).toContainText("Span 00000000000000bb is missing");
  await detail.getByRole("button", { name: "mail · send" }).click();
  await expect(page.getByTestId("span-detail")).toContainText("send");
  // What is wrong with ids is said beside the span.
  await expect(rows.filter({ hasText: "names itself as its parent" })).toHaveCount(1);
  await expect(rows.filter({ hasText: "same id as an earlier span" })).toHaveCount(1);
  await expect(page.getByTestId("hole").filter({ hasText: "1 duplicate id" })).toBeVisible();
  await expectAccessible(page);
});

test("patterns that cost time are named with what they cost", async ({ page, skein }) => {
  const calls = [0, 1, 2, 3, 4, 5].map((n) => `    shop: SELECT item ${10 + n * 20}-${28 + n * 20} #kind=client`);
  const trace = drawn(["  shop: GET /list 0-200", ...calls].join("\n"), AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const found = page.getByTestId("finding");
  await expect(found).toHaveCount(1);
  await expect(found).toContainText("N+1");
  await expect(found).toContainText("6 × SELECT item");
  await expect(found).toContainText("90.0 ms");
  await found.click();
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("SELECT item");
});

test("many siblings alike are one row with their durations", async ({ page, skein }) => {
  const many = Array.from({ length: 40 }, (_, n) => `    db: SELECT ${n * 10}-${n * 10 + 2 + (n % 7)}${n === 9 ? " !dead" : ""}`);
  const trace = drawn(["  shop: GET /list 0-500", ...many].join("\n"), AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText("×40 SELECT");
  await expect(rows.nth(1)).toContainText("1 failed");
  await rows.nth(1).click();
  await expect(page.getByTestId("extra-detail")).toContainText("The slowest");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowRight");
  await expect(rows.nth(2)).toContainText("SELECT");
  await expect(page).toHaveURL(/opened=[0-9a-f]{16}/);
  await page.reload();
  await expect(rows.nth(2)).toContainText("SELECT");
  // An error in a folded group is opened on the way to it.
  await page.keyboard.press("[");
  await page.keyboard.press("e");
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("dead");
});

test("a span can stand at the top with what is below it", async ({ page, skein }) => {
  const trace = drawn(BROKEN, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[2]!.spanId}`);
  await expect(page.getByTestId("span-detail")).toContainText("POST /reserve");
  await page.keyboard.press("o");
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toHaveAttribute("aria-level", "1");
  await expect(page).toHaveURL(/top=/);
  await page.reload();
  await expect(rows).toHaveCount(2);
  await page.getByTestId("top-bar").getByRole("button").click();
  await expect(rows).toHaveCount(9);
});
