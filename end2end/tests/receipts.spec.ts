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

test("what was lost is named, with what to do about it", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/receipts`);
  await expect(page.getByTestId("empty-state")).toContainText("Nothing was lost");
  await expectAccessible(page);

  await fresh.seed(drawn("calm: GET /well   0-20"));
  const bad = { trace_id: "zz", span_id: "01", service_name: "cart", operation_name: "add", duration_ms: 1 };
  const sent = await fetch(`${fresh.http}/v1/spans`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{ ...bad, start_time_unix_ns: "1", status: "ok" }]),
  });
  expect(sent.status).toBe(202);

  const row = page.getByTestId("receipt-row");
  await expect(row).toHaveCount(1, { timeout: 30_000 });
  await expect(row).toHaveAttribute("data-reason", "invalid_trace_id");
  await expect(row).toContainText("32 hexadecimal digits");
  await expect(row).toContainText("1 span");
  await expectAccessible(page);

  await page.getByTestId("totals").getByText("accepted").click();
  await expect(page).toHaveURL(/outcome=accepted/);
  await expect(row).toHaveCount(1);
  await row.getByText("calm").click();
  await expect(page).toHaveURL(/service=calm/);
  await page.reload();
  await expect(row).toContainText("calm");
  await page.getByTestId("totals").getByText("service: calm").click();
  await expect(page).not.toHaveURL(/service=/);
});
