import { expectAccessible } from "../support/a11y.ts";
import { drawn, type SeedTrace } from "../support/seed.ts";
import { expect, test } from "../support/skein.ts";
import { waitFor } from "../support/wait.ts";

const PICTURE = `
  shop: GET /checkout          0-420
    cart: POST /reserve       10-300
`;

/** Lines of cart's log: milliseconds, OTLP severity, text, and which span. */
function logs(trace: SeedTrace, lines: [number, number, string, number | undefined][]): object {
  const record = ([ms, severityNumber, text, span]: (typeof lines)[number]) => ({
    timeUnixNano: String(trace.startNs + BigInt(ms) * 1_000_000n),
    severityNumber,
    body: { stringValue: text },
    traceId: trace.traceId,
    spanId: span === undefined ? "" : trace.spans[span]!.spanId,
  });
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "cart" } }] };
  return { resourceLogs: [{ resource, scopeLogs: [{ logRecords: lines.map(record) }] }] };
}

test("log lines stand in time order, and lead to their spans", async ({ page, skein }) => {
  const trace = drawn(PICTURE, 120_000);
  await skein.seed(trace);
  const body = JSON.stringify(
    logs(trace, [
      [150, 17, "stock ran out", 1],
      [20, 9, "reserving 3 items", 1],
      [200, 9, "nobody's line", undefined],
    ]),
  );
  const answer = await fetch(`${skein.otlpHttp}/v1/logs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect(answer.ok).toBe(true);
  await waitFor("three log lines", async () => {
    const stored = await fetch(`${skein.http}/api/traces/${trace.traceId}/logs`);
    return ((await stored.json()) as { logs: unknown[] }).logs.length === 3;
  });
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("waterfall")).toBeVisible();
  await page.keyboard.press("4");
  const lines = page.getByTestId("log-line");
  await expect(lines).toHaveCount(3);
  await expect(lines.first()).toContainText("reserving 3 items");
  await expect(page).toHaveURL(/view=logs/);
  await expectAccessible(page);
  await page.getByRole("combobox", { name: "Least severity" }).selectOption("17");
  await expect(lines).toHaveCount(1);
  await expect(page.getByTestId("log-count")).toHaveText("1 of 3 lines");
  await lines.first().click();
  await expect(page.getByTestId("span-detail")).toContainText("POST /reserve");
  await expect(page.getByTestId("span-log").getByRole("listitem")).toHaveCount(2);
  await expectAccessible(page);
});
