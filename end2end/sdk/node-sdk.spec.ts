/** The OpenTelemetry SDK for Node exports every field it can set, and each is found again with its type. */
import {
  type Attributes,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  createTraceState,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  RandomIdGenerator,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanLimits,
} from "@opentelemetry/sdk-trace-base";
import type { Span } from "../support/api.ts";
import { type Skein, expect, test } from "../support/skein.ts";

const GZIP = { compression: CompressionAlgorithm.GZIP };
const TRANSPORTS: Record<string, (skein: Skein) => SpanExporter> = {
  grpc: (skein) => new GrpcExporter({ url: skein.otlpGrpc }),
  "grpc gzip": (skein) => new GrpcExporter({ url: skein.otlpGrpc, ...GZIP }),
  protobuf: (skein) => new ProtobufExporter({ url: `${skein.otlpHttp}/v1/traces` }),
  "protobuf gzip": (skein) => new ProtobufExporter({ url: `${skein.otlpHttp}/v1/traces`, ...GZIP }),
  json: (skein) => new JsonExporter({ url: `${skein.otlpHttp}/v1/traces` }),
  "json gzip": (skein) => new JsonExporter({ url: `${skein.otlpHttp}/v1/traces`, ...GZIP }),
  "json on the UI port": (skein) => new JsonExporter({ url: `${skein.http}/v1/traces` }),
};

// A double holds every power of two, so an exporter can send this integer beyond 2^53 exactly. JSON.stringify
// prints the shortest text of the same double, which is a different integer: that one was sent.
const BEYOND = 2 ** 60;
const BEYOND_SENT = { protobuf: "1152921504606846976", json: "1152921504606847000" };

const EVERY_TYPE: Attributes = {
  string: "plain",
  "string.empty": "",
  "string.unicode": "Grüße, 世界 🧵 \u0007 \"quoted\" \\",
  "string.looks.like.int": "42",
  "bool.true": true,
  "bool.false": false,
  int: 42,
  "int.zero": 0,
  "int.negative": -7,
  "int.safe": Number.MAX_SAFE_INTEGER,
  "int.beyond": BEYOND,
  double: 3.25,
  "double.negative": -0.5,
  "double.precise": 0.1 + 0.2,
  strings: ["a", "", "ü"],
  bools: [true, false],
  ints: [1, -2, BEYOND],
  doubles: [0.5, 1.75],
  empty: [],
};

// A whole second, recent enough for any retention.
const NOW_SECS = Math.floor(Date.now() / 1000) - 10;

const RESOURCE = { "service.name": "node-shop", "service.version": "1.2.3", "host.cpus": 8, zones: ["a", "b"] };
const REMOTE: SpanContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "00f067aa0ba902b7",
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
  traceState: createTraceState("vendor=a:b-c,other@tenant=1"),
};

for (const [name, exporter] of Object.entries(TRANSPORTS)) {
  test.describe(name, () => {
    const expected = everyType(name.startsWith("json") ? BEYOND_SENT.json : BEYOND_SENT.protobuf);

    test("every type of attribute, on spans and on events", async ({ skein }) => {
      const recorder = new Recorder();
      const span = recorder.tracer().startSpan("typed", { attributes: EVERY_TYPE });
      span.addEvent("happened", EVERY_TYPE);
      span.end();
      const found = await recorder.sentAndFound(skein, exporter(skein));
      expect(found.typed?.attributes).toEqual(expected);
      expect(found.typed?.events[0]?.attributes).toEqual(expected);
    });

    test("identity, times and parents", async ({ skein }) => {
      const recorder = new Recorder();
      const tracer = recorder.tracer();
      const root = tracer.startSpan("root", { startTime: [NOW_SECS, 123_456_789] });
      const child = tracer.startSpan("child", { startTime: [NOW_SECS, 123_456_790] }, under(root.spanContext()));
      child.end([NOW_SECS + 1, 123_456_791]);
      root.end([NOW_SECS + 5, 123_456_792]);
      const found = await recorder.sentAndFound(skein, exporter(skein));
      const { traceId, spanId } = root.spanContext();
      expect(found.root).toMatchObject({
        trace_id: traceId,
        span_id: spanId,
        start_time_unix_ns: `${NOW_SECS}123456789`,
        duration_ns: "5000000003",
        service_name: "node-shop",
      });
      expect(found.root?.parent_span_id || null).toBeNull();
      expect(found.child).toMatchObject({
        trace_id: traceId,
        span_id: child.spanContext().spanId,
        parent_span_id: spanId,
        start_time_unix_ns: `${NOW_SECS}123456790`,
        duration_ns: "1000000001",
      });
    });

    test("kinds", async ({ skein }) => {
      const recorder = new Recorder();
      const tracer = recorder.tracer();
      const root = tracer.startSpan("internal", { kind: SpanKind.INTERNAL });
      for (const kind of [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
        tracer.startSpan(SpanKind[kind].toLowerCase(), { kind }, under(root.spanContext())).end();
      }
      root.end();
      const found = await recorder.sentAndFound(skein, exporter(skein));
      expect(Object.keys(found).sort()).toEqual(["client", "consumer", "internal", "producer", "server"]);
      for (const [kind, span] of Object.entries(found)) expect(span.kind).toBe(kind);
    });

    test("status and its message", async ({ skein }) => {
      const recorder = new Recorder();
      const tracer = recorder.tracer();
      const unset = tracer.startSpan("unset");
      const context = under(unset.spanContext());
      tracer.startSpan("ok", {}, context).setStatus({ code: SpanStatusCode.OK }).end();
      tracer
        .startSpan("failed", {}, context)
        .setStatus({ code: SpanStatusCode.ERROR, message: "kaputt: ünlesbar" })
        .end();
      unset.end();
      const found = await recorder.sentAndFound(skein, exporter(skein));
      expect(found.unset).toMatchObject({ status: "unset", status_message: "" });
      expect(found.ok).toMatchObject({ status: "ok", status_message: "" });
      expect(found.failed).toMatchObject({ status: "error", status_message: "kaputt: ünlesbar" });
    });

    test("events in order, with an exception", async ({ skein }) => {
      const recorder = new Recorder();
      const span = recorder.tracer().startSpan("eventful", { startTime: [NOW_SECS, 0] });
      span.addEvent("first", { n: 1 }, [NOW_SECS, 1]);
      span.addEvent("second", [NOW_SECS, 2]);
      span.recordException(new TypeError("no such cart"), [NOW_SECS, 3]);
      span.end([NOW_SECS, 10]);
      const events = (await recorder.sentAndFound(skein, exporter(skein))).eventful?.events ?? [];
      expect(events.map((event) => [event.name, event.time_unix_ns])).toEqual([
        ["first", `${NOW_SECS}000000001`],
        ["second", `${NOW_SECS}000000002`],
        ["exception", `${NOW_SECS}000000003`],
      ]);
      expect(events[0]?.attributes).toEqual({ n: 1 });
      expect(events[1]?.attributes).toEqual({});
      expect(events[2]?.attributes).toEqual({
        "exception.type": "TypeError",
        "exception.message": "no such cart",
        "exception.stacktrace": expect.stringContaining("node-sdk.spec"),
      });
    });

    test("links with attributes and trace state", async ({ skein }) => {
      const recorder = new Recorder();
      const bare = { traceId: "0".repeat(29) + "abc", spanId: "0".repeat(13) + "def", traceFlags: TraceFlags.NONE };
      recorder
        .tracer()
        .startSpan("linked", { links: [{ context: REMOTE, attributes: EVERY_TYPE }, { context: bare }] })
        .end();
      const links = (await recorder.sentAndFound(skein, exporter(skein))).linked?.links;
      expect(links).toHaveLength(2);
      expect(links?.[0]).toMatchObject({
        trace_id: REMOTE.traceId,
        span_id: REMOTE.spanId,
        trace_state: "vendor=a:b-c,other@tenant=1",
      });
      expect(links?.[0]?.attributes).toEqual(expected);
      expect(links?.[1]).toMatchObject({ trace_id: bare.traceId, span_id: bare.spanId, trace_state: "", attributes: {} });
    });

    test("resource and scope", async ({ skein }) => {
      const recorder = new Recorder();
      recorder.tracer().startSpan("scoped").end();
      const { scoped } = await recorder.sentAndFound(skein, exporter(skein));
      expect(scoped?.resource_attributes).toEqual(RESOURCE);
      expect(scoped?.resource_schema_url).toBe("https://example.test/resource/1");
      expect(scoped?.scope).toMatchObject({
        name: "shop.checkout",
        version: "4.5.6",
        schema_url: "https://example.test/scope/1",
        attributes: {},
      });
    });

    test("trace state, flags and a remote parent", async ({ skein }) => {
      const recorder = new Recorder();
      // A trace of its own for each transport: the parent is what is under test, not the trace.
      const parent = { ...REMOTE, traceId: new RandomIdGenerator().generateTraceId() };
      recorder.tracer().startSpan("continued", {}, under(parent)).end();
      const { continued } = await recorder.sentAndFound(skein, exporter(skein));
      expect(continued?.parent_span_id).toBe(REMOTE.spanId);
      expect(continued?.trace_state).toBe("vendor=a:b-c,other@tenant=1");
      // Sampled, "has is_remote" and "is remote": bits 0, 8 and 9 of OTLP's span flags.
      expect(continued?.flags).toBe(0x301);
    });

    test("what the SDK dropped is counted", async ({ skein }) => {
      const recorder = new Recorder({ attributeCountLimit: 2, eventCountLimit: 1, linkCountLimit: 1 });
      const span = recorder.tracer().startSpan("limited", { links: [{ context: REMOTE }, { context: REMOTE }] });
      span.setAttributes({ a: 1, b: 2, c: 3, d: 4, e: 5 });
      for (const name of ["one", "two", "three"]) span.addEvent(name);
      span.end();
      const { limited } = await recorder.sentAndFound(skein, exporter(skein));
      expect(limited).toMatchObject({ dropped_attributes_count: 3, dropped_events_count: 2, dropped_links_count: 1 });
    });
  });
}

/** Keeps the finished spans of one test, so that an exporter under test sends exactly them. */
class Recorder {
  private readonly memory = new InMemorySpanExporter();
  private readonly provider: BasicTracerProvider;

  constructor(spanLimits?: SpanLimits) {
    this.provider = new BasicTracerProvider({
      resource: resourceFromAttributes(RESOURCE, { schemaUrl: "https://example.test/resource/1" }),
      spanProcessors: [new SimpleSpanProcessor(this.memory)],
      spanLimits,
    });
  }

  tracer() {
    return this.provider.getTracer("shop.checkout", "4.5.6", { schemaUrl: "https://example.test/scope/1" });
  }

  async sentAndFound(skein: Skein, exporter: SpanExporter): Promise<Record<string, Span>> {
    await this.provider.forceFlush();
    const spans = this.memory.getFinishedSpans();
    const result = await new Promise<{ code: number; error?: Error }>((done) => exporter.export(spans, done));
    await exporter.shutdown();
    expect(result).toEqual({ code: 0 });
    const found = await skein.trace(spans[0]!.spanContext().traceId, spans.length);
    return Object.fromEntries(found.map((span) => [span.operation_name, span]));
  }
}

function under(parent: SpanContext) {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function everyType(beyond: string) {
  return { ...EVERY_TYPE, "int.beyond": beyond, ints: [1, -2, beyond] };
}
