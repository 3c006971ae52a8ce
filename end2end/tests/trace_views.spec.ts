import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";

/** Something of everything the page can say: errors, a group, a gap, a flawed id. */
const EVERYTHING = [
  "  shop: GET /checkout      0-400 http.request.method=GET url.path=/checkout",
  ...Array.from({ length: 12 }, (_, n) => `    db: SELECT ${n * 20}-${n * 20 + 9} #kind=client`),
  "    cart: POST /reserve  250-300 !lock wait timeout",
  "  mail: send             310-320  #parent=00000000000000bb #kind=internal",
  "  mail: echo             330-340  #id=00000000000000cc #parent=00000000000000cc",
].join("\n");

for (const theme of ["light", "dark"]) {
  test(`every view of a trace is accessible, ${theme}`, async ({ page, skein }) => {
    const trace = drawn(EVERYTHING, 120_000);
    await skein.seed(trace);
    await page.addInitScript((theme) => localStorage.setItem("skein.theme", theme), theme);
    await page.setViewportSize({ width: 1100, height: 800 });
    for (const view of ["waterfall", "flame", "table", "logs", "calls"]) {
      await page.goto(`/trace/${trace.traceId}?view=${view}&span=${trace.spans[0]!.spanId}`);
      await expect(page.getByTestId("http-line")).toBeVisible();
      await expect(page.getByTestId("finding")).toHaveCount(1);
      await expectAccessible(page);
    }
    await page.getByTestId("hole").first().click();
    await expect(page.getByTestId("extra-detail")).toBeVisible();
    await expectAccessible(page);
  });
}

test("bars stay beside their rows while the page changes size", async ({ page, skein }) => {
  const trace = drawn(EVERYTHING, 120_000);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("span-row").first()).toBeVisible();
  // As it is shown in every frame: the picture is never stretched over a box of another size.
  await page.evaluate(() => {
    const stretched: string[] = [];
    const look = () => {
      const canvas = document.querySelector<HTMLCanvasElement>(".Waterfall-bars")!;
      const { width, height } = canvas.getBoundingClientRect();
      const off = Math.abs(canvas.width - width * devicePixelRatio) + Math.abs(canvas.height - height * devicePixelRatio);
      if (off > 2) stretched.push(`${canvas.width}x${canvas.height} in ${width}x${height}`);
      requestAnimationFrame(look);
    };
    Object.assign(window, { stretched });
    requestAnimationFrame(look);
  });
  for (const [width, height] of [[900, 600], [1400, 900], [1100, 500]] as const) {
    await page.setViewportSize({ width, height });
    await expect
      .poll(() => page.evaluate(() => document.querySelector(".Waterfall-bars")!.getBoundingClientRect().bottom))
      .toBeLessThanOrEqual(height);
  }
  expect(await page.evaluate(() => (window as unknown as { stretched: string[] }).stretched)).toEqual([]);
});
