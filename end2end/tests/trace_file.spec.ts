import { expectAccessible } from "../support/a11y.ts";
import { drawn, otlpJson } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

const PICTURE = `
  shop: GET /checkout          0-420  basket=needle-42
    cart: POST /reserve       10-300  !out of stock
`;

test("a trace from a file is looked at and not stored", async ({ page, skein }) => {
  const trace = drawn(PICTURE, 120_000);
  await page.goto("/file");
  await expectAccessible(page);
  const file = (text: string) => ({ name: "trace.json", mimeType: "application/json", buffer: Buffer.from(text) });
  const input = page.getByLabel("Trace file");
  await input.setInputFiles(file('{"what": "ever"}'));
  await expect(page.getByTestId("error-state")).toContainText("neither OTLP JSON");
  await input.setInputFiles(file(" ".repeat(33 << 20)));
  await expect(page.getByTestId("error-state")).toContainText("Files of up to 32 MB are read here");
  await input.setInputFiles(file(JSON.stringify(otlpJson(trace))));
  await expect(page.getByTestId("trace-page")).toBeVisible();
  await expect(page.getByTestId("is-local")).toBeVisible();
  await expect(page.getByTestId("first-error")).toContainText("out of stock");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.locator("[data-key=basket]")).toContainText("needle-42");
  await expect(page).toHaveURL(/\/file$/);
  expect((await fetch(`${skein.http}/api/traces/${trace.traceId}`)).status).toBe(404);
});
