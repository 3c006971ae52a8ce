/** The public JSON of a trace, as far as the tests read it. */

export type Attributes = Record<string, unknown>;

export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  service_name: string;
  operation_name: string;
  kind: string;
  start_time_unix_ns: string;
  duration_ns: string;
  duration_ms: number;
  status: "unset" | "ok" | "error";
  status_message: string;
  attributes: Attributes;
  resource_attributes: Attributes;
  resource_schema_url: string;
  scope: { name: string; version: string; attributes: Attributes; schema_url: string };
  trace_state: string;
  flags: number;
  events: { time_unix_ns: string; name: string; attributes: Attributes }[];
  links: { trace_id: string; span_id: string; trace_state: string; attributes: Attributes }[];
}

export interface Trace {
  trace_id: string;
  status: "ok" | "error" | "partial";
  root_span: Span | null;
  spans: Span[];
}

export function traceJson(text: string): Trace {
  return JSON.parse(text) as Trace;
}
