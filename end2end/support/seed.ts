/**
 * Traces for tests, drawn as text so that a fixture reads like the picture on screen:
 *
 *     shop: GET /checkout          0-420  http.method=GET
 *       cart: POST /reserve       10-300
 *         cart-db: SELECT carts   20-280  !lock wait timeout
 *
 * A line is `service: operation start-end`, in milliseconds, then `key=value` attributes, then `!` and the message
 * of an error. Indentation says who called whom. Three keys are no attributes: `#kind=client` (else server),
 * `#parent=<span id>` and `#id=<span id>`.
 */
import { randomBytes } from "node:crypto";

export interface SeedSpan {
  spanId: string;
  parentSpanId: string;
  service: string;
  operation: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number | boolean>;
  error: string | undefined;
  kind: number;
  links?: { traceId: string; spanId: string }[];
  events?: { name: string; atMs: number }[];
}

export interface SeedTrace {
  traceId: string;
  /** The moment the trace begins, in nanoseconds since 1970. */
  startNs: bigint;
  spans: SeedSpan[];
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const LINE = /^(\s*)([^:]+): (.+?)\s+(\d+)-(\d+)((?:\s+[^\s=!]+=\S+)*)(?:\s+!(.*))?$/;

/** Reads a drawing. The trace ends now, unless `agoMs` puts it further back. */
export function drawn(picture: string, agoMs = 0): SeedTrace {
  const open: { indent: number; spanId: string }[] = [];
  const spans = picture
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): SeedSpan => {
      const match = LINE.exec(line.trimEnd());
      if (!match) throw new Error(`not a span: ${line}`);
      const [, indent = "", service = "", operation = "", start, end, pairs = "", error] = match;
      while (open.length > 0 && open.at(-1)!.indent >= indent.length) open.pop();
      const said = Object.fromEntries(pairs.trim().split(/\s+/).filter(Boolean).map(pair));
      const { "#kind": kind, "#parent": parent, "#id": id, ...attributes } = said;
      const parentSpanId = parent === undefined ? (open.at(-1)?.spanId ?? "") : String(parent);
      const spanId = id === undefined ? randomBytes(8).toString("hex") : String(id);
      open.push({ indent: indent.length, spanId });
      return {
        spanId,
        parentSpanId,
        service,
        operation,
        startMs: Number(start),
        endMs: Number(end),
        attributes,
        error,
        kind: KINDS.indexOf(String(kind ?? "server")),
      };
    });
  const lengthMs = Math.max(0, ...spans.map((span) => span.endMs));
  return {
    traceId: randomBytes(16).toString("hex"),
    startNs: BigInt(Date.now() - agoMs - lengthMs) * 1_000_000n,
    spans,
  };
}

/** As an exporter would send it, one resource for each service. */
export function otlpJson(trace: SeedTrace): object {
  const services = [...new Set(trace.spans.map((span) => span.service))];
  return {
    resourceSpans: services.map((service) => ({
      resource: { attributes: otlpAttributes({ "service.name": service }) },
      scopeSpans: [
        {
          scope: { name: "end2end" },
          spans: trace.spans.filter((span) => span.service === service).map((span) => otlpSpan(trace, span)),
        },
      ],
    })),
  };
}

function otlpSpan(trace: SeedTrace, span: SeedSpan): object {
  const at = (ms: number) => String(trace.startNs + BigInt(ms) * 1_000_000n);
  return {
    traceId: trace.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.operation,
    kind: span.kind,
    startTimeUnixNano: at(span.startMs),
    endTimeUnixNano: at(span.endMs),
    attributes: otlpAttributes(span.attributes),
    links: span.links ?? [],
    events: (span.events ?? []).map(({ name, atMs }) => ({ name, timeUnixNano: at(atMs) })),
    status: span.error === undefined ? {} : { code: 2, message: span.error },
  };
}

function otlpAttributes(attributes: SeedSpan["attributes"]): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: string | number | boolean): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function pair(text: string): [string, string | number | boolean] {
  const at = text.indexOf("=");
  const value = text.slice(at + 1);
  if (value === "true" || value === "false") return [text.slice(0, at), value === "true"];
  // Ids are texts even where all their digits are decimal.
  if (text.startsWith("#")) return [text.slice(0, at), value];
  return [text.slice(0, at), /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
}
