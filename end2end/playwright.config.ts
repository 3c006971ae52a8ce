import { defineConfig } from "@playwright/test";

// One worker: each has a whole skein with its own engine behind it.
export default defineConfig({
  workers: 1,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: "list",
  outputDir: "../target/end2end",
  snapshotPathTemplate: "{testFileDir}/{testFileName}-snapshots/{arg}{ext}",
  projects: [
    {
      name: "browser",
      testDir: "tests",
      use: {
        browserName: "chromium",
        viewport: { width: 1280, height: 800 },
        trace: "retain-on-failure",
        screenshot: "only-on-failure",
        launchOptions: {
          executablePath: process.env.SKEIN_CHROMIUM || undefined,
          args: [
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
          ],
        },
      },
    },
    { name: "sdk", testDir: "sdk" },
  ],
});
