import { expectAccessible } from "../support/a11y.ts";
import { type SeedTrace, drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

/** A small shop with one failure and one slow trace among quick ones. */
const test = base.extend<{ shop: { skein: Skein; failed: SeedTrace; slow: SeedTrace } }>({
  shop: async ({}, use) => {
    const skein = await Skein.start();
    const failed = drawn(
      `
      web: GET /checkout           0-900  http.request.method=GET user_id=12345
        cart: POST /reserve       10-800  item_count=120 !lock wait timeout
      `,
      90_000,
    );
    const slow = drawn("web: GET /report   0-4000 http.request.method=GET", 60_000);
    await skein.seed(failed);
    await skein.seed(slow);
    for (let i = 0; i < 6; i++) {
      await skein.seed(drawn("web: GET /   0-20 http.request.method=GET\n  cart: GET /cart   5-15", 100_000 + i * 10_000));
    }
    await use({ skein, failed, slow });
    await skein.stop();
  },
});

test("on call: a failing service, a brush, the trace, and back to the same list", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  const rows = page.getByTestId("trace-row");
  await expect(rows).toHaveCount(8);
  await expectAccessible(page);

  // A service from the facets, failures from the button: both end up in the text.
  await page.locator('[data-testid=facet-value][data-value="cart"] .Facet-take').click();
  await page.getByTestId("errors-only").click();
  await expect(page.getByTestId("query")).toHaveValue("service=cart error");
  await expect(rows).toHaveCount(1);

  const map = page.getByTestId("heatmap");
  await expect(map).toHaveAttribute("aria-label", /1 trace, 1 trace with errors/);
  const box = (await map.boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 8);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 3, box.y + box.height * 0.6, { steps: 4 });
  await page.mouse.up();
  await expect(page.getByTestId("query")).toHaveValue(/service=cart error trace_duration>=/);
  await expect(rows).toHaveCount(1);
  const list = page.url();

  await rows.click();
  await expect(page.getByTestId("trace-page")).toBeVisible();
  expect(page.url()).toContain(shop.failed.traceId);
  await page.goBack();
  await expect(rows).toHaveCount(1);
  expect(page.url()).toBe(list);
  await expect(page.getByTestId("query")).toHaveValue(/service=cart error trace_duration>=/);

  // A chip takes its condition out of the text.
  await page.getByTestId("chip").filter({ hasText: "error" }).click();
  await expect(page.getByTestId("query")).toHaveValue(/^service=cart trace_duration>=/);
});

test("the plain form and TraceQL find the same", async ({ page, shop }) => {
  const rows = page.getByTestId("trace-row");
  for (const query of [
    "user_id=12345",
    "item_count>100",
    "reserve error",
    '{ resource.service.name = "cart" && status = error }',
    '{ span.user_id = 12345 } >> { status = error }',
  ]) {
    await page.goto(shop.skein.http);
    await page.getByTestId("query").fill(query);
    await page.keyboard.press("Enter");
    await expect(rows, query).toHaveCount(1);
    await expect(rows, query).toHaveAttribute("data-trace-id", shop.failed.traceId);
    await page.reload();
    await expect(rows, query).toHaveCount(1);
    await expect(page.getByTestId("query")).toHaveValue(query);
  }
  await page.getByTestId("query").fill("service=nobody");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("no-match")).toBeVisible();
  await expectAccessible(page);
});

test("completion: from the keyboard, with what the data holds", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  await expect(page.getByTestId("trace-row")).toHaveCount(8);
  await page.keyboard.press("/");
  const editor = page.getByTestId("query");
  await expect(editor).toBeFocused();
  await page.keyboard.type("serv");
  const choices = page.getByTestId("completion");
  await expect(choices.getByRole("option").first()).toContainText("service");
  await expectAccessible(page);
  await page.keyboard.press("Tab");
  await expect(editor).toHaveValue("service=");
  await page.keyboard.type("ca");
  await expect(choices.getByRole("option", { name: "cart" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(editor).toHaveAttribute("aria-activedescendant", "query-option-0");
  await page.keyboard.press("Enter");
  await expect(editor).toHaveValue("service=cart ");
  await page.keyboard.press("Escape");
  await expect(choices).toBeHidden();
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("trace-row")).toHaveCount(7);

  await editor.fill("{ user");
  await expect(choices.getByRole("option", { name: "span.user_id" })).toBeVisible();
});

test("what is wrong is underlined and told, and nothing is asked", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  await expect(page.getByTestId("trace-row")).toHaveCount(8);
  const editor = page.getByTestId("query");
  await editor.fill('{ duration > "x" }');
  await expect(page.locator(".QueryEditor .is-wrong")).toHaveText('"x"');
  await expect(page.getByTestId("query-problem")).toContainText("duration is a duration");
  await expect(editor).toHaveAttribute("aria-invalid", "true");
  await page.keyboard.press("Enter");
  expect(new URL(page.url()).search).toBe("");
  await expect(page.getByTestId("trace-row")).toHaveCount(8);
  await page.keyboard.press("Escape");
  await expectAccessible(page);
});

test("live: new traces come in by themselves, and who reads is not moved", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  const rows = page.getByTestId("trace-row");
  await expect(rows).toHaveCount(8);
  await page.getByTestId("live").click();
  expect(page.url()).toContain("live=1");
  const fresh = drawn("web: GET /fresh   0-30");
  await shop.skein.seed(fresh);
  await expect(rows).toHaveCount(9);
  await expect(rows.first()).toHaveAttribute("data-trace-id", fresh.traceId);
});

test("sorting and ids", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  const rows = page.getByTestId("trace-row");
  await expect(rows).toHaveCount(8);
  await page.locator("[data-testid=sort][data-order=duration]").click();
  await expect(rows.first()).toHaveAttribute("data-trace-id", shop.slow.traceId);
  expect(page.url()).toContain("order=duration");
  await page.getByTestId("query").fill(`00-${shop.failed.traceId.toUpperCase()}-${shop.failed.spans[0]!.spanId}-01`);
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("trace-page")).toBeVisible();
  expect(page.url()).toContain(shop.failed.traceId);
});

test("queries asked and kept are at hand", async ({ page, shop }) => {
  await page.goto(shop.skein.http);
  await page.getByTestId("query").fill("service=cart error");
  await page.keyboard.press("Enter");
  await page.getByTestId("save-query").click();
  await page.goto(shop.skein.http);
  await page.getByTestId("queries").click();
  const list = page.getByTestId("queries-list");
  await expect(list).toContainText("Saved");
  await expectAccessible(page);
  await list.getByRole("button", { name: "service=cart error" }).first().click();
  await expect(page.getByTestId("trace-row")).toHaveCount(1);
});
