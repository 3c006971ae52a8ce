import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

const test = base.extend<{ fresh: Skein }>({
  fresh: async ({}, use) => {
    const skein = await Skein.start();
    await use(skein);
    await skein.stop();
  },
});

test("from the list of services to the operation that fails and its traces", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/services`);
  await expect(page.getByTestId("empty-state")).toBeVisible();
  await expectAccessible(page);

  await fresh.seedAll(
    [0, 1, 2, 3].flatMap((i) => [
      drawn("calm: GET /well   0-20"),
      drawn(`shaky: GET /sometimes   0-${100 + i}${i < 2 ? " !out of stock" : ""}`),
    ]),
  );
  // It comes by itself, those in trouble first.
  const services = page.getByTestId("service-row");
  await expect(services).toHaveCount(2);
  await expect(services.first()).toContainText("shaky");
  await expect(services.first()).toContainText("50 %");
  await expectAccessible(page);

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/services\/shaky/);
  const operations = page.getByTestId("operation-row");
  await expect(operations).toHaveCount(1);
  await expect(operations).toContainText("GET /sometimes");
  await expect(page.getByTestId("figures")).toContainText("50 % failed");
  await expectAccessible(page);

  await page.getByTestId("range").getByText("6 h").click();
  await expect(page).toHaveURL(/range=6h/);
  await page.reload();
  await expect(page.getByTestId("range").getByText("6 h")).toHaveAttribute("aria-pressed", "true");

  await page.getByTestId("traces").click();
  await expect(page.getByTestId("trace-row")).toHaveCount(4);
});

test("a service nobody has seen is said to be unknown", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/services/ghost`);
  await expect(page.getByTestId("error-state")).toContainText("ghost");
  await expectAccessible(page);
});

test("a region of durations leads to its traces and to what sets them apart", async ({ page, fresh }) => {
  const baskets = Array.from({ length: 40 }, (_, i) => {
    const [length, customer] = i % 4 === 0 ? [2_000, "acme"] : [20, `c${i % 3}`];
    return drawn(`shop: GET /basket   0-${length + i} customer=${customer}`, 500_000 - i * 8_000);
  });
  await fresh.seedAll(baskets);
  await page.goto(`${fresh.http}/services/shop`);
  const map = page.getByTestId("heatmap");
  await expect(map).toHaveAttribute("aria-label", /40 traces/);
  const box = (await map.boundingBox())!;
  const mark = async () => {
    await page.mouse.move(box.x + 60, box.y + 8);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 3, box.y + box.height * 0.4, { steps: 4 });
    await page.mouse.up();
  };
  await mark();
  await expect(page.getByTestId("marked")).toContainText(" – ");
  await expectAccessible(page);
  await page.getByTestId("marked-traces").click();
  await expect(page.getByTestId("trace-row")).toHaveCount(10);
  await page.goBack();

  await expect(map).toHaveAttribute("aria-label", /40 traces/);
  await mark();
  await page.getByTestId("marked-explain").click();
  await expect(page.getByTestId("explained")).toContainText("10 in question");
  await expect(page.getByTestId("finding").first()).toContainText("customer = acme");
});
