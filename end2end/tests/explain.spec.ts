import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

/** Orders of which every fourth is slow: those of one customer. */
const test = base.extend<{ shop: Skein }>({
  shop: async ({}, use) => {
    const skein = await Skein.start();
    const orders = Array.from({ length: 48 }, (_, i) => {
      const isSlow = i % 4 === 0;
      const length = isSlow ? 2000 + i * 10 : 20 + i;
      const customer = isSlow ? "acme" : `c${i % 3}`;
      return drawn(
        `web: POST /order   0-${length} customer=${customer} shard=${i % 5}\n  pay: charge   5-${length - 5}`,
        600_000 - i * 10_000,
      );
    });
    await skein.seedAll(orders);
    await use(skein);
    await skein.stop();
  },
});

test("a brushed region is explained, and each finding is a search away", async ({ page, shop }) => {
  await page.goto(shop.http);
  const map = page.getByTestId("heatmap");
  await expect(map).toHaveAttribute("aria-label", /48 traces/);
  const box = (await map.boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 8);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 3, box.y + box.height * 0.4, { steps: 4 });
  await page.mouse.up();
  const rows = page.getByTestId("trace-row");
  await expect(rows).toHaveCount(12);
  await expect(page.getByTestId("explain")).toHaveText("What sets this region apart?");
  await page.getByTestId("explain").click();

  await expect(page.getByTestId("explained")).toContainText("all 12 in question and all 36 others");
  const findings = page.getByTestId("finding");
  await expect(findings.first()).toContainText("customer = acme");
  await expect(findings.first()).toContainText("100 %");
  await expect(findings.filter({ hasText: "shard" })).toHaveCount(0);
  await expectAccessible(page);
  const url = page.url();
  await page.reload();
  await expect(findings.first()).toContainText("customer = acme");
  expect(page.url()).toBe(url);

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("query")).toHaveValue(/customer = "acme"/);
  await expect(rows).toHaveCount(12);
});

test("a region is marked by keys alone", async ({ page, shop }) => {
  await page.goto(shop.http);
  const map = page.getByTestId("heatmap");
  await expect(map).toHaveAttribute("aria-label", /48 traces/);
  await map.focus();
  await page.keyboard.press("ArrowLeft");
  for (let step = 0; step < 4; step++) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowUp");
  await expect(map).toContainText("press Enter");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(map).not.toContainText("press Enter");
  for (let step = 0; step < 30; step++) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/from=.*&to=/);
  await expect(page.getByTestId("explain")).toHaveText("What sets this region apart?");
});

test("a query is explained beside all others, and so is that nothing is found", async ({ page, shop }) => {
  await page.goto(`${shop.http}/?q=span.customer%3Dacme`);
  await expect(page.getByTestId("trace-row")).toHaveCount(12);
  await page.getByTestId("explain").click();
  await expect(page.getByTestId("explained")).toContainText("12 in question");
  await expect(page.getByTestId("finding").first()).toContainText("customer = acme");

  await page.goto(`${shop.http}/explain?part=span.shard%3D1`);
  await expect(page.getByTestId("finding").first()).toContainText("shard = 1");
  await page.goto(`${shop.http}/explain?part=service%3Dnobody`);
  await expect(page.getByTestId("no-finding")).toContainText("No trace is in question");
  await expectAccessible(page);
  await page.goto(`${shop.http}/explain`);
  await expect(page.getByTestId("error-state")).toContainText("nothing is selected");
  await expectAccessible(page);
});
