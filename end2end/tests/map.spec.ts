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

test("from the map to the traces of a call that fails", async ({ page, fresh }) => {
  await page.goto(`${fresh.http}/map`);
  await expect(page.getByTestId("empty-state")).toBeVisible();
  await expectAccessible(page);

  for (let i = 0; i < 4; i++) {
    await fresh.seed(
      drawn(`
        shop: GET /buy      0-100
          cart: get         10-60${i < 2 ? " !out of stock" : ""}
            stock: look     20-40
      `),
    );
  }
  // It comes by itself, and follows before anything has settled.
  await expect(page.getByTestId("map-counts")).toContainText("3 nodes");
  await expect(page.getByTestId("map")).toBeVisible();
  await expectAccessible(page);

  // By keyboard: callers come first.
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const detail = page.getByTestId("map-detail");
  await expect(detail.getByRole("heading", { name: "cart" })).toBeVisible();
  await expect(detail).toContainText("Called by");
  await expect(page).toHaveURL(/selected=service:cart/);
  await expectAccessible(page);
  await page.reload();
  await expect(detail.getByRole("heading", { name: "cart" })).toBeVisible();

  await detail.getByRole("button", { name: /shop/ }).click();
  await expect(detail).toContainText("50 %");
  await expect(detail).toContainText("There is no time before to compare with");

  await page.keyboard.press("m");
  await expect(page.getByTestId("edge-row")).toHaveCount(2);
  await expect(page.getByTestId("edge-row").filter({ hasText: "shop → cart" })).toContainText("50 %");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/hops=1/);
  await expect(page.getByTestId("edge-row")).toHaveCount(1);

  await detail.getByTestId("traces").click();
  await expect(page.getByTestId("trace-row")).toHaveCount(4);
});

test("a click on a box selects it, and what is typed is found", async ({ page, fresh }) => {
  await fresh.seed(drawn("shop: GET /buy      0-100\n  cart: get         10-60"));
  await page.goto(`${fresh.http}/map`);
  await expect(page.getByTestId("map-counts")).toContainText("2 nodes");
  await page.getByTestId("map-filter").fill("cart");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("map-detail").getByRole("heading", { name: "cart" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("map-detail")).toBeHidden();

  // Two boxes side by side in the middle: a little left of it is the caller's.
  const box = await page.getByTestId("map").boundingBox();
  if (!box) {
    throw new Error("the map has no box");
  }
  await page.mouse.click(box.x + box.width / 2 - 100, box.y + box.height / 2);
  await expect(page.getByTestId("map-detail").getByRole("heading", { name: "shop" })).toBeVisible();

  // The pointer rests on the caller: who goes on by keys is shown what they select.
  await expect(page.getByTestId("map")).toHaveClass(/is-pointing/);
  await page.keyboard.press("j");
  await expect(page.getByTestId("map-detail").getByRole("heading", { name: "cart" })).toBeVisible();
  await expect(page.getByTestId("map")).not.toHaveClass(/is-pointing/);
});
