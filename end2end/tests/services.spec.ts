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

  for (let i = 0; i < 4; i++) {
    await fresh.seed(drawn("calm: GET /well   0-20"));
    await fresh.seed(drawn(`shaky: GET /sometimes   0-${100 + i}${i < 2 ? " !out of stock" : ""}`));
  }
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
