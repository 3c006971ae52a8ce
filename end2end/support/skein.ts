/**
 * `test` with a skein of its own: started on free ports over an empty folder when the first test of a worker asks
 * for it, and stopped the way an operator would, which must end with exit code 0.
 */
import { test as base } from "@playwright/test";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Span, traceJson } from "./api.ts";
import { type SeedTrace, otlpJson } from "./seed.ts";
import { waitFor } from "./wait.ts";

export { expect } from "@playwright/test";

const BINARY = resolve(process.env.SKEIN_BIN ?? fileURLToPath(new URL("../../target/release/skein", import.meta.url)));
const READY_WITHIN_MS = 60_000;
const DRAIN_WITHIN_MS = 30_000;

export class Skein {
  http = "";
  otlpGrpc = "";
  otlpHttp = "";
  private exit: { code: number | null; signal: string | null } | undefined;

  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {
    process.on("exit", (code, signal) => (this.exit = { code, signal }));
    process.on("error", () => (this.exit ??= { code: 127, signal: null }));
  }

  static async start(args: string[] = []): Promise<Skein> {
    if (!existsSync(BINARY)) throw new Error(`there is no ${BINARY}: run \`make build\` first`);
    const folder = mkdtempSync(join(tmpdir(), "skein-e2e-"));
    const log = openSync(join(folder, "serve.log"), "w");
    const free = "127.0.0.1:0";
    const process = spawn(
      BINARY,
      ["serve", "--http", free, "--otlp-grpc", free, "--otlp-http", free, "--data-dir", join(folder, "data"), ...args],
      { env: environment(), stdio: ["ignore", log, log] },
    );
    const skein = new Skein(process, folder);
    try {
      await skein.untilReady();
    } catch (error) {
      process.kill("SIGKILL");
      throw new Error(`skein did not start; its log ends with\n${skein.logTail()}`, { cause: error });
    }
    return skein;
  }

  private async untilReady() {
    const written = join(this.folder, "data", "addresses.json");
    const addresses = await waitFor("addresses.json", () => this.whileAlive(() => readJson(written)), READY_WITHIN_MS);
    this.http = url(addresses.http);
    this.otlpGrpc = url(addresses.otlp_grpc);
    this.otlpHttp = url(addresses.otlp_http);
    await waitFor(
      "/readyz",
      () => this.whileAlive(async () => (await fetch(`${this.http}/readyz`)).ok),
      READY_WITHIN_MS,
    );
  }

  /** Lets a probe fail while the server starts, but not after it has died. */
  private async whileAlive<T>(probe: () => T | Promise<T>): Promise<T | undefined> {
    if (this.exit) return undefined;
    return probe();
  }

  async stop() {
    if (!this.exit) this.process.kill("SIGTERM");
    const exit = await waitFor("the server's exit", () => this.exit, DRAIN_WITHIN_MS).catch((error) => {
      this.process.kill("SIGKILL");
      throw error;
    });
    if (exit.code !== 0) {
      throw new Error(`skein ended with ${JSON.stringify(exit)}; its log ends with\n${this.logTail()}`);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  logTail(): string {
    return readFileSync(join(this.folder, "serve.log"), "utf8").split("\n").slice(-30).join("\n");
  }

  /** Sends a trace as OTLP JSON and waits until every span of it can be read back. */
  async seed(trace: SeedTrace): Promise<Span[]> {
    const answer = await fetch(`${this.otlpHttp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(otlpJson(trace)),
    });
    if (!answer.ok) throw new Error(`/v1/traces answered ${answer.status}: ${await answer.text()}`);
    return this.trace(trace.traceId, trace.spans.length);
  }

  /** Sends many traces in one request, and waits for none of them. */
  async send(traces: SeedTrace[]) {
    const all = traces.map((trace) => (otlpJson(trace) as { resourceSpans: object[] }).resourceSpans);
    const answer = await fetch(`${this.otlpHttp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: all.flat() }),
    });
    if (!answer.ok) throw new Error(`/v1/traces answered ${answer.status}: ${await answer.text()}`);
  }

  /** Sends many traces in one request, and waits until each can be read back. */
  async seedAll(traces: SeedTrace[]) {
    await this.send(traces);
    for (const { traceId, spans } of traces) await this.trace(traceId, spans.length);
  }

  /** The spans of a trace, once there are at least `count` of them. */
  async trace(traceId: string, count = 1): Promise<Span[]> {
    return waitFor(`trace ${traceId} with ${count} spans`, async () => {
      const answer = await fetch(`${this.http}/api/traces/${traceId}`);
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw new Error(`/api/traces answered ${answer.status}: ${await answer.text()}`);
      const { spans } = traceJson(await answer.text());
      return spans.length >= count && spans;
    });
  }
}

export const test = base.extend<object, { skein: Skein }>({
  skein: [
    async ({}, use) => {
      const skein = await Skein.start();
      await use(skein);
      await skein.stop();
    },
    { scope: "worker", timeout: READY_WITHIN_MS + DRAIN_WITHIN_MS },
  ],
  baseURL: async ({ skein }, use) => use(skein.http),
});

/** The caller's own SKEIN_ settings must not reach a test; where the engine lies may. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("SKEIN_") || name === "SKEIN_ENGINE_LIB"),
  );
}

function readJson(path: string): Record<string, string> | undefined {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

function url(address: string | undefined): string {
  if (!address) throw new Error("addresses.json lacks an address");
  return address.includes("://") ? address.replace(/\/$/, "") : `http://${address}`;
}
