import { chromium } from "@playwright/test";
const [,, base, out, path, width="1600", scheme="light", ...keys] = process.argv;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: Number(width), height: 900 }, colorScheme: scheme });
page.on("console", m => console.log(m.text()));
page.on("pageerror", e => console.log("ERR", e.message));
await page.goto(base + path);
await page.waitForTimeout(2500);
for (const k of keys) { await page.keyboard.press(k); await page.waitForTimeout(300); }
await page.waitForTimeout(700);
await page.screenshot({ path: out });
await browser.close();
