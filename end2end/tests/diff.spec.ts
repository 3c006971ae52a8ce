import { expectAccessible } from "../support/a11y.ts";
import { type SeedTrace, drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

/** Quick orders, and one that waits for the cart and sends a mail nobody else does. */
const test = base.extend<{ shop: { skein: Skein; quick: SeedTrace; slow: SeedTrace } }>({
  shop: async ({}, use) => {
    const skein = await Skein.start();
    const order = `
      web: POST /order       0-100
        cart: GET /cart     10-40 http.response.status_code=200 region=eu
        db: SELECT orders   50-70
      `;
    for (let i = 0; i < 4; i++) await skein.seed(drawn(order, 200_000 - i * 10_000));
    const quick = drawn(order, 100_000);
    await skein.seed(quick);
    const slow = drawn(
      `
      web: POST /order       0-180
        cart: GET /cart     10-50 http.response.status_code=503 region=eu !no connection
        cart: GET /cart     60-110
        mail: send         150-160
      `,
      60_000,
    );
    await skein.seed(slow);
    await use({ skein, quick, slow });
    await skein.stop();
  },
});

test("two ticked in the search: what differs, where the time went, and what the spans say", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  const row = (trace: SeedTrace) => page.locator(`[data-testid=trace-row][data-trace-id="${trace.traceId}"]`);
  await row(shop.quick).getByTestId("tick").check();
  await expect(page.getByTestId("compare")).toContainText("Compare it with");
  await expectAccessible(page);
  await row(shop.slow).getByTestId("tick").check();
  await page.getByTestId("compare").click();

  await expect(page.getByTestId("diff-page")).toBeVisible();
  expect(page.url()).toContain(`a=${shop.quick.traceId}&b=${shop.slow.traceId}`);
  await expect(page.getByTestId("diff-delta")).toHaveText("+80.0 ms");
  // Every part is named, and together they are the difference.
  const parts = page.getByTestId("diff-part");
  const added = (await parts.locator("b").allTextContents()).map((text) => Number.parseInt(text.replace("−", "-"), 10));
  expect(added.reduce((sum, part) => sum + part, 0)).toBe(80);

  const rows = page.getByTestId("diff-row");
  const change = (name: string) => rows.filter({ hasText: name });
  await expect(rows).toHaveCount(4);
  await expect(change("GET /cart")).toContainText("error");
  await expect(change("GET /cart")).toContainText("1 → 2");
  await expect(change("SELECT orders")).toContainText("missing");
  await expect(change("send")).toContainText("added");
  await expectAccessible(page);

  // The largest part first, then its attributes; the link says what is looked at.
  await page.keyboard.press("n");
  const panel = page.getByTestId("diff-panel");
  await expect(panel).toContainText("GET /cart");
  const attribute = panel.getByTestId("diff-attribute");
  await expect(attribute.filter({ hasText: "http.response.status_code" })).toContainText("503");
  await expect(attribute.filter({ hasText: "region" })).toHaveCount(0);
  await expectAccessible(page);
  await page.keyboard.press("2");
  await expect(page.getByTestId("diff-flame")).toBeVisible();
  await expectAccessible(page);
  await expect(page).toHaveURL(/entry=1.*view=flame/);
  await page.reload();
  await expect(page.getByTestId("diff-flame")).toBeVisible();
  await expect(panel).toContainText("GET /cart");

  await page.keyboard.press("1");
  await page.keyboard.press("x");
  await expect(page.getByTestId("diff-delta")).toHaveText("−80.0 ms");
});

test("from a trace: what is typical of its operation, and its peers", async ({ page, shop }) => {
  await page.goto(`${shop.skein.http}/trace/${shop.slow.traceId}`);
  await page.getByTestId("compare").click();
  const offers = page.getByTestId("diff-offer");
  await expect(offers).toHaveCount(4);
  await expectAccessible(page);
  await offers.filter({ hasText: "The one before" }).click();
  await expect(page.getByTestId("diff-page")).toBeVisible();
  // The link names it, whatever it was found as.
  await expect(page).toHaveURL(new RegExp(`a=${shop.quick.traceId}`));
  await page.goBack();
  await offers.filter({ hasText: "What is typical" }).click();

  await expect(page.getByTestId("diff-sample")).toContainText("5 of about 5 traces");
  await expect(page.getByTestId("diff-delta")).toHaveText("+80.0 ms");
  await page.getByTestId("diff-row").filter({ hasText: "GET /cart" }).click();
  await expect(page.getByTestId("diff-spread")).toContainText("5 of 5 traces have it · median 30.0 ms");
  await expectAccessible(page);
});

test("what is the same can be left out, rows fold, and a pasted id is the other side", async ({ page, shop }) => {
  await page.goto(`${shop.skein.http}/diff?a=${shop.quick.traceId}`);
  const field = page.getByLabel("Another trace");
  await field.fill("not an id");
  await field.press("Enter");
  await expect(page.getByTestId("diff-pick")).toContainText("Not a trace id");
  await field.fill(`00-${shop.quick.traceId.toUpperCase()}-00f067aa0ba902b7-01`);
  await field.press("Enter");
  await expect(page.getByTestId("diff-delta")).toHaveText("0");
  const rows = page.getByTestId("diff-row");
  await expect(rows).toHaveCount(3);
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowLeft");
  await expect(rows).toHaveCount(1);
  await page.keyboard.press("ArrowRight");
  await expect(rows).toHaveCount(3);
  await page.keyboard.press("f");
  await expect(rows).toHaveCount(0);
  await expect(page).toHaveURL(/only=changes/);

  await page.goto(`${shop.skein.http}/diff?a=${"ab".repeat(16)}&b=${shop.quick.traceId}`);
  await expect(page.getByTestId("error-state")).toContainText("ab".repeat(16));
  await expectAccessible(page);
});

test("a part of the time is looked at by dragging and by keys, and is in the link", async ({ page, shop }) => {
  await page.goto(`${shop.skein.http}/diff?a=${shop.quick.traceId}&b=${shop.slow.traceId}`);
  const mail = page.getByTestId("diff-row").filter({ hasText: "send" }).locator(".Diff-bar");
  const width = async () => (await mail.boundingBox())?.width ?? 0;
  await expect(mail).toHaveCount(1);
  const whole = await width();
  const axis = (await page.getByRole("columnheader", { name: "Time, first above second" }).boundingBox())!;
  await page.mouse.move(axis.x + axis.width * 0.7, axis.y + 10);
  await page.mouse.down();
  await page.mouse.move(axis.x + axis.width * 0.99, axis.y + 10, { steps: 4 });
  await page.mouse.up();
  await expect.poll(width).toBeGreaterThan(whole * 3);
  await expect(page).toHaveURL(/time=\d+-\d+/);
  await expectAccessible(page);
  const zoomed = await width();
  await page.reload();
  await expect.poll(width).toBe(zoomed);
  await page.getByTestId("diff-whole").click();
  await expect.poll(width).toBe(whole);
  await expect(page).not.toHaveURL(/time=/);

  await page.getByTestId("diff-row").filter({ hasText: "send" }).click();
  await page.keyboard.press("z");
  await expect.poll(width).toBeGreaterThan(zoomed);
  // Beside the panel there is less room for the same.
  await page.keyboard.press("0");
  await expect.poll(width).toBeLessThan(whole);
  const beside = await width();
  await page.keyboard.press("w");
  await expect.poll(width).toBeGreaterThan(beside);
});
