import { expectAccessible } from "../support/a11y.ts";
import { drawn } from "../support/seed.ts";
import { Skein, expect, test } from "../support/skein.ts";

const AGO_MS = 120_000;

const LOOP = `
  shop: GET /list         0-200
    db: SELECT item      10-30    rows=3 cache=hit
    db: SELECT item      40-55    rows=5 cache=hit
    db: SELECT item      60-150   rows=900 cold=true !lock wait timeout
    mail: send          160-190
`;

test("events are pins on every bar, and keys walk along them", async ({ page, skein }) => {
  const trace = drawn(LOOP, AGO_MS);
  trace.spans[1]!.events = [
    { name: "exception", atMs: 25 },
    { name: "cache miss", atMs: 12 },
  ];
  trace.spans[4]!.events = [{ name: "queued", atMs: 170 }];
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const rows = page.locator("[data-testid=span-row]:not([hidden])");
  await expect(rows).toHaveCount(5);
  await expect(rows.nth(1)).toHaveAttribute("title", /\+12.0 ms cache miss\n\+25.0 ms exception/);
  // The pin of the exception is in the error's colour, before a label lies over it.
  const error = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = "var(--error)";
    const canvas = document.createElement("canvas").getContext("2d")!;
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const color = [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    probe.remove();
    return color;
  });
  const isPinned = () => page.evaluate((error) => {
    const canvas = document.querySelector<HTMLCanvasElement>(".Waterfall-bars")!;
    // The second row, where nothing else is red.
    const { data } = canvas.getContext("2d")!.getImageData(0, 22, canvas.width, 22);
    return Array.from({ length: data.length / 4 }, (_, at) => [...data.slice(at * 4, at * 4 + 3)]).some((pixel) =>
      pixel.every((value, at) => Math.abs(value - error[at]!) <= 2),
    );
  }, error);
  await expect.poll(isPinned).toBe(true);

  const event = page.getByTestId("event");
  for (const [key, words] of [
    [".", "cache miss at 12"],
    [".", "exception at 25"],
    [".", "queued at 170"],
    [",", "exception at 25"],
    [",", "cache miss at 12"],
  ] as const) {
    await page.keyboard.press(key);
    await expect(event).toContainText(words);
  }
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("SELECT item");
});

test("a span is put beside a sibling, and the link keeps it", async ({ page, skein }) => {
  const trace = drawn(LOOP, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[1]!.spanId}`);
  const beside = page.getByTestId("beside");
  await expect(beside).toContainText("Beside 2 siblings");
  await beside.getByRole("button", { name: "one that failed" }).click();
  const difference = beside.getByTestId("difference");
  await expect(difference.filter({ hasText: "rows" })).toContainText("900");
  await expect(difference.filter({ hasText: "cache" })).toContainText("hit");
  await expect(difference.filter({ hasText: "cold" })).toContainText("true");
  await expect(difference.filter({ hasText: "Duration" })).toContainText("+70");
  await expectAccessible(page);
  await expect(page).toHaveURL(/beside=[0-9a-f]{16}/);
  await page.reload();
  await expect(difference.filter({ hasText: "cold" })).toBeVisible();
  await beside.getByRole("button", { name: "The other" }).click();
  await expect(page.locator(".Waterfall-row.is-cursor")).toContainText("lock wait timeout");
  // A span alone of its kind has nobody to be put beside.
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[4]!.spanId}`);
  await expect(page.getByTestId("span-detail")).toContainText("send");
  await expect(beside).toHaveCount(0);
});

test("a span is copied as OTLP JSON", async ({ page, skein, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const trace = drawn(LOOP, AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}?span=${trace.spans[3]!.spanId}`);
  await page.getByRole("button", { name: "Copy span as OTLP JSON" }).click();
  await expect(page.getByRole("button", { name: "Copied span as OTLP JSON" })).toBeVisible();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  expect(copied.resourceSpans[0].scopeSpans[0].spans[0].name).toBe("SELECT item");
});

test("clocks that were set right show how sure that is", async ({ page, skein }) => {
  const trace = drawn(
    "  shop: call   0-100  #kind=client\n    cart: get 70-130",
    AGO_MS,
  );
  // Other calls of the two leave less open.
  await skein.seed(drawn("  shop: call   0-14  #kind=client\n    cart: get 51-63", AGO_MS));
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const row = page.locator("[data-testid=span-row]:not([hidden])").nth(1);
  await expect(page.getByTestId("clocks")).toHaveText("Clocks as sent");
  await page.keyboard.press("v");
  await expect(row).toHaveAttribute("title", /clock of cart set right by −50.0 ms ± 1.00 ms, learned from 2 calls/);
  await expect(page.getByTestId("clocks")).toHaveText("Clocks set right, as learned");
  await page.keyboard.press("v");
  await expect(row).not.toHaveAttribute("title", /set right/);
});

test("clocks that agree are said to", async ({ page, skein }) => {
  const trace = drawn("  shop: ask   0-100  #kind=client\n    cart: tell 40-60", AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  await expect(page.getByTestId("critical-path")).toBeVisible();
  await expect(page.getByTestId("clocks")).toHaveCount(0);
  await page.keyboard.press("v");
  await expect(page.getByTestId("clocks")).toHaveText("Clocks agree");
});

test("rows say how usual their duration is", async ({ page, skein }) => {
  const calls = Array.from({ length: 25 }, (_, at) => `    db: SELECT usual  ${at * 10}-${at * 10 + 5 + (at % 3)}`);
  await skein.seed(drawn(["  shop: GET /usual  0-260", ...calls].join("\n"), AGO_MS));
  const trace = drawn("  shop: GET /odd  0-90\n    db: SELECT usual  10-80", AGO_MS);
  await skein.seed(trace);
  await page.goto(`/trace/${trace.traceId}`);
  const row = page.locator("[data-testid=span-row]:not([hidden])").nth(1);
  await expect(row).toHaveAttribute("title", /Longer than 96 % of 26 calls in a day · p50 .*/);
  await row.click();
  await expect(page.getByTestId("span-rank")).toContainText("Longer than 96 % of 26 calls in a day");
});

test("links to other tools are filled in, and nothing else can be", async ({ page }) => {
  const skein = await Skein.start([
    "--link-template",
    "Logs=https://logs.example/find?q={trace_id}&service={service}&op={operation}",
    "--link-template",
    "Profile=https://profiles.example/{span_id}?from={start_ms}",
  ]);
  try {
    const trace = drawn(`  shop: GET "><b>&x=1  0-100`, AGO_MS);
    await skein.seed(trace);
    await page.goto(`${skein.http}/trace/${trace.traceId}`);
    const outside = page.getByTestId("elsewhere");
    // A link that asks for a span is none of the trace's.
    await expect(outside).toHaveCount(1);
    const href = `https://logs.example/find?q=${trace.traceId}&service=shop&op=GET%20%22%3E%3Cb%3E%26x%3D1`;
    await expect(outside).toHaveAttribute("href", href);
    await expect(outside).toHaveAttribute("rel", "noopener noreferrer");
    await page.getByTestId("span-row").first().click();
    const span = page.getByTestId("span-elsewhere");
    await expect(span).toHaveCount(2);
    const start = trace.startNs / 1_000_000n;
    await expect(span.nth(1)).toHaveAttribute("href", `https://profiles.example/${trace.spans[0]!.spanId}?from=${start}`);
    await expectAccessible(page);
  } finally {
    await skein.stop();
  }
});
