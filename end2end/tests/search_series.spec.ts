// Metrics queries on the search page: drawn, told, brushed; and answers that come in parts.

import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { Skein, expect, test as base } from "../support/skein.ts";

const test = base.extend<{ skein: Skein }>({
  skein: async ({}, use) => {
    const skein = await Skein.start();
    const visit = (i: number) => drawn(`web: GET /   0-${20 + i}\n  cart: GET /cart   5-15`, 60_000 + i * 100_000);
    await skein.seedAll(Array.from({ length: 30 }, (_, i) => visit(i)));
    await use(skein);
    await skein.stop();
  },
});

const RATE = "{ } | rate() by (resource.service.name)";

function asked(skein: Skein, q: string): string {
  return `${skein.http}/?${new URLSearchParams({ q })}`;
}

test("a metrics query is drawn with its names, its numbers and the way back", async ({ page, skein }) => {
  await page.goto(skein.http);
  await expect(page.getByTestId("trace-row").first()).toBeVisible();
  await page.getByTestId("query").fill(RATE);
  await page.keyboard.press("Enter");
  const chart = page.getByTestId("series");
  await expect(chart).toHaveAttribute("aria-label", /^2 lines over time/);
  await expect(page.getByTestId("series-name")).toHaveText([/^\s*cart.*\/s/, /^\s*web.*\/s/]);
  await expect(page.getByTestId("series-note")).toContainText("complete");
  await expect(page.getByTestId("trace-row")).toHaveCount(0);
  await expectAccessible(page);

  // One alone, and all again.
  const cart = page.getByTestId("series-name").first();
  await cart.click();
  await expect(cart).toHaveAttribute("aria-pressed", "true");
  await cart.click();
  await expect(cart).toHaveAttribute("aria-pressed", "false");

  await page.getByTestId("series-table").click();
  const table = page.getByRole("region", { name: "Series as a table" });
  await expect(table.getByRole("columnheader")).toHaveText(["Time", "cart", "web"]);
  await expect(table.getByRole("row")).toHaveCount(61);
  await expectAccessible(page);

  await page.goBack();
  await expect(page.getByTestId("trace-row").first()).toBeVisible();
  await expect(chart).toHaveCount(0);
});

test("a part of the chart is searched in, by mouse and by keys", async ({ page, skein }) => {
  await page.goto(asked(skein, "{ } | quantile_over_time(duration, 0.5, 0.9) by (resource.service.name)"));
  const chart = page.getByTestId("series");
  await expect(page.getByTestId("series-name")).toHaveText([/cart · p50.*10\.0 ms/, /cart · p90/, /web · p50/, /web · p90/]);
  const box = (await chart.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  await expect(chart).toContainText(" – ");
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 4 });
  await expect(chart).toContainText("Release");
  await page.mouse.up();
  await expect(page).toHaveURL(/from=.*&to=/);
  await expect(page.getByTestId("chip").filter({ hasText: " – " })).toBeVisible();
  const narrowed = page.url();
  const apart = page.getByTestId("explain");
  await expect(apart).toHaveText("What sets this time apart?");
  await expect(apart).toHaveAttribute("href", /^\/explain\?.*time=\d+-\d+/);

  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  for (let i = 0; i < 9; i++) await page.keyboard.press("Shift+ArrowLeft");
  await expect(chart).toContainText("press Enter");
  await page.keyboard.press("Enter");
  await expect(page).not.toHaveURL(narrowed);
  await page.goBack();
  await expect(page).toHaveURL(narrowed);
});

test("what a metrics query gets wrong is said where it is", async ({ page, skein }) => {
  await page.goto(asked(skein, "{ } >> { } | rate()"));
  await expect(page.getByTestId("error-state")).toContainText("metrics take one selection");
  await page.goto(asked(skein, '{ resource.service.name = "nobody" } | rate()'));
  await expect(page.getByTestId("no-match")).toContainText("No span matches");
});

test("traces are listed as they are found, and a search nobody waits for is given up", async ({ page, skein }) => {
  // The end of the answer is held back: what came before is listed all the same.
  await page.addInitScript(() => {
    const original = window.fetch.bind(window);
    window.fetch = async (...asked) => {
      const answer = await original(...asked);
      if (!String(asked[0]).endsWith("/fn/search_in_parts") || !answer.body) return answer;
      const reader = answer.body.getReader();
      const signal = (asked[1] as RequestInit).signal;
      const body = new ReadableStream({
        async pull(out) {
          const { done, value } = await reader.read();
          if (done) {
            await new Promise((resolve) => {
              (window as any).release = resolve;
              signal?.addEventListener("abort", resolve);
            });
            (window as any).abandoned = signal?.aborted;
            return out.close();
          }
          out.enqueue(value);
        },
      });
      return new Response(body, { status: answer.status });
    };
  });
  await page.goto(skein.http);
  const rows = page.getByTestId("trace-row");
  await expect(rows.first()).toBeVisible();
  await expect(page.getByTestId("scanned")).toContainText("searching on");
  await page.evaluate(() => (window as any).release());
  await expect(page.getByTestId("scanned")).toContainText("complete");
  expect(await page.evaluate(() => (window as any).abandoned)).toBe(false);

  await page.keyboard.press("r");
  await expect(page.getByTestId("scanned")).toContainText("searching on");
  await rows.first().getByRole("link").click();
  await expect(page.getByTestId("trace-page")).toBeVisible();
  expect(await page.evaluate(() => (window as any).abandoned)).toBe(true);
});
