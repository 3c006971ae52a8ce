import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

const AGO_MS = 120_000;

const ORDER = `
  shop: POST /orders       0-100
    shop: publish order   60-90   #kind=producer
`;
const MAIL = `
  mail: consume order    600-700  #kind=consumer
    mail: render         610-650
    smtp: deliver        660-690  !mailbox full
`;

for (const theme of ["light", "dark"]) {
  test(`a message is followed from its producer to its consumer, ${theme}`, async ({ page, skein }) => {
    const order = drawn(ORDER, AGO_MS);
    const mail = drawn(MAIL, AGO_MS);
    // Both are drawn on one axis.
    mail.startNs = order.startNs;
    const [, sent] = order.spans;
    mail.spans[0]!.links = [{ traceId: order.traceId, spanId: sent!.spanId }];
    await skein.seed(order);
    await skein.seed(mail);
    await page.addInitScript((theme) => localStorage.setItem("skein.theme", theme), theme);
    await page.goto(`/trace/${order.traceId}`);
    await expect(page.getByTestId("linked-traces")).toContainText("after 510 ms");
    await page.keyboard.press("Shift+J");
    await expect(page).toHaveURL(new RegExp(`/journey/${order.traceId}`));
    const lines = page.getByTestId("journey-line");
    await expect(lines).toHaveCount(2);
    await expect(lines.nth(0)).toContainText("POST /orders");
    await expect(lines.nth(1)).toContainText("1 error");
    const hop = page.getByTestId("hop");
    await expect(hop).toContainText("waited 510 ms");
    await expect(hop).toContainText("shop · publish order");
    await expect(hop).toContainText("mail · consume order");
    await expectAccessible(page);
    // The other trace is opened by keys, and stays open after a reload.
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowRight");
    await expect(lines).toHaveCount(5);
    await expect(lines.nth(4)).toContainText("deliver");
    await expect(page).toHaveURL(/open=[0-9a-f]{32}/);
    await expectAccessible(page);
    await page.reload();
    await expect(lines).toHaveCount(5);
    const fold = page.getByRole("button", { name: "Fold pauses" });
    await expect(fold).toHaveAttribute("aria-pressed", "true");
    await page.keyboard.press("i");
    await expect(fold).toHaveAttribute("aria-pressed", "false");
    await expect(page).toHaveURL(/pauses=1/);
    await lines.nth(3).click();
    await page.keyboard.press("Enter");
    await expect(page.getByTestId("span-detail")).toContainText("render");
    await page.getByTestId("journey").click();
    await expect(page.getByTestId("journey-page")).toBeVisible();
  });
}

test("a trace without links says so, and an unknown one too", async ({ page, skein }) => {
  const order = drawn(ORDER, AGO_MS);
  await skein.seed(order);
  await page.goto(`/journey/${order.traceId}`);
  await expect(page.getByTestId("journey-page")).toContainText("No link joins this trace to another");
  await page.goto(`/journey/${"7".repeat(32)}`);
  await expect(page.getByTestId("error-state")).toContainText("no trace 7777");
});
