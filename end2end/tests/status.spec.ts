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

test("one look says whether anything is wrong, and leads to Skein's own traces", async ({ page, fresh }) => {
  await fresh.seed(drawn("calm: GET /well   0-20"));
  await page.goto(`${fresh.http}/status`);
  await expect(page.getByTestId("condition")).toHaveAttribute("data-condition", "fine");
  await expect(page.getByRole("row", { name: /^spans \d/ })).toContainText("30 days", { timeout: 30_000 });
  await expect(page.locator("[data-id=queue_bytes]")).toContainText("of 8.6 GB");
  await expect(page.locator("[data-id=engine_up]")).toContainText("yes");
  await expect(page.locator("[data-id=disk_free]")).toContainText("GB");
  await expect(page.locator("[data-id=engine_counted_memory]")).toContainText(/MB\s*of .* GB/);
  await expect(page.getByRole("row", { name: /^insert/ })).toBeVisible();
  await expectAccessible(page);

  await page.getByTestId("own-traces").click();
  await expect(page).toHaveURL(/\/own\//);
  await expect(page.getByTestId("own")).toContainText("Skein's own traces");
  const result = page.getByTestId("trace-row").first();
  await expect(result).toContainText("skein", { timeout: 30_000 });
  await expect(page.getByText("calm")).toHaveCount(0);
  await result.click();
  await expect(page).toHaveURL(/\/own\/trace\//);
  await expect(page.getByTestId("own")).toBeVisible();
  await page.reload();
  await expect(page.getByTestId("own")).toBeVisible();
  await page.getByRole("link", { name: "Services" }).click();
  await expect(page).toHaveURL(/\/own\/services/);
  await expect(page.getByTestId("service-row")).toHaveCount(1);
  await page.getByTestId("own").getByRole("link", { name: "leave" }).click();
  await expect(page).toHaveURL(`${fresh.http}/status`);
  await expect(page.getByTestId("own")).toHaveCount(0);
  await page.getByRole("link", { name: "Services" }).click();
  await expect(page.getByTestId("service-row")).toHaveAttribute("data-name", "calm");
});

test("a key is made, told once and revoked", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/settings`);
  await expect(page.getByTestId("no-keys")).toBeVisible();
  await expect(page.getByTestId("rule-row").first()).toContainText("card");
  await expect(page.getByRole("row", { name: /--queue-max-bytes/ })).toContainText("8.6 GB");
  await expect(page.getByRole("row", { name: /--settle-after-secs/ })).toContainText("30.0 s");
  await expectAccessible(page);

  await page.getByLabel("What it is for").fill("checkout");
  await page.getByLabel("Spans a second, at most").fill("fast");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("whole number");
  await page.getByLabel("Spans a second, at most").fill("500");
  await page.keyboard.press("Enter");
  const key = await page.getByTestId("new-key").textContent();
  expect(key).toMatch(/^skein_[0-9a-f]{16}_[0-9a-f]{32}$/);
  const row = page.getByTestId("key-row");
  await expect(row).toContainText("checkout");
  await expect(row).toContainText("500");
  await expectAccessible(page);

  const send = () =>
    fetch(`${fresh.http}/v1/spans`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-skein-key": key! },
      body: "[]",
    });
  await expect.poll(async () => (await send()).status).toBe(202);

  await page.reload();
  await expect(row).toHaveCount(1);
  await expect(page.getByTestId("new-key")).toHaveCount(0);
  await row.getByRole("button", { name: "Revoke checkout" }).click();
  await row.getByRole("button", { name: "Keep" }).click();
  await row.getByRole("button", { name: "Revoke checkout" }).click();
  await row.getByRole("button", { name: "Revoke for good" }).click();
  await expect(row).toContainText("revoked");
  await expect.poll(async () => (await send()).status).toBe(401);
});
