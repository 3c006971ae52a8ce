import { expectAccessible } from "../support/a11y.ts";
import { type SeedTrace, drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

const test = base.extend<{ fresh: Skein }>({
  fresh: async ({}, use) => {
    const skein = await Skein.start(["--settle-after-secs", "1"]);
    await use(skein);
    await skein.stop();
  },
});

/** A request every few seconds for an hour and a half; in the last ten minutes every second call to `cart` fails. */
function hourAndAHalf(): SeedTrace[] {
  const every = 4;
  return Array.from({ length: 5_400 / every }, (_, n) => {
    const agoSecs = n * every;
    const failed = agoSecs < 600 && n % 2 === 0 ? " !out of stock" : "";
    return drawn(`
      shop: GET /   0-30${failed}
        shop: call cart   2-24   #kind=client${failed}
          cart: get   4-22${failed}
    `, agoSecs * 1_000);
  });
}

test("an anomaly is flagged wherever its service is shown, with its origin and traces", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/anomalies`);
  await expect(page.getByTestId("no-anomaly")).toContainText("Nothing is judged yet");
  await expectAccessible(page);

  await fresh.send(hourAndAHalf());
  const anomaly = page.getByTestId("anomaly");
  await expect(anomaly).toHaveCount(1, { timeout: 60_000 });
  await expect(anomaly).toHaveAttribute("data-state", "open");
  await expect(anomaly).toContainText("cart fails by itself");
  await expect(anomaly).toContainText("Traces that show it");
  await expect(page.getByTestId("judged")).toContainText("1 open");
  await expectAccessible(page);

  await page.goto(`${fresh.http}/services`);
  const first = page.getByTestId("service-row").first();
  await expect(first).toContainText("cart");
  await expect(first.getByTestId("flag")).toHaveText("anomaly");
  const shop = page.locator('[data-testid="service-row"][data-name="shop"]');
  await expect(shop.getByTestId("flag")).toHaveText("affected");
  await expectAccessible(page);

  await page.goto(`${fresh.http}/map?node=cart`);
  await expect(page.getByTestId("map-counts")).toContainText("2 nodes");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(page.getByTestId("map-detail").getByTestId("flag")).toContainText("cart fails by itself");

  await page.goto(`${fresh.http}/anomalies`);
  await anomaly.locator(".Anomaly-trace").first().click();
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]{32}/);
});

test("one operation has dots that open traces, and who takes its time", async ({ page, fresh }) => {
  await fresh.send(hourAndAHalf());
  await page.goto(`${fresh.http}/services/shop?operation=GET+%2F`);
  await expect(page.getByTestId("exemplar").first()).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('[data-testid="time-share"][data-name="cart"]')).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);
  await page.getByTestId("exemplar").first().focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]{32}/);
});
