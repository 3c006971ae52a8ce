import { expectAccessible } from "../support/a11y.ts";
import { expect, test } from "../support/skein.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test(`the empty page opens without a complaint, ${colorScheme}`, async ({ page }) => {
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.emulateMedia({ colorScheme });

    await page.goto("/");

    await expect(page).toHaveTitle(/Skein/);
    await expect(page.getByRole("main")).toBeVisible();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
  });
}
