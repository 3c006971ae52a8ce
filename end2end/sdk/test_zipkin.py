"""Senders that speak Zipkin, unchanged: OpenTelemetry's exporter and Yelp's py_zipkin. What they send is found again."""

import time

import pytest
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from py_zipkin import Encoding, Kind
from py_zipkin.transport import SimpleHTTPTransport
from py_zipkin.util import ZipkinAttrs, generate_random_64bit_string
from py_zipkin.zipkin import create_http_headers_for_new_span, zipkin_span


def test_the_exporter_of_opentelemetry(skein):
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "zipkin-shop"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("shop.checkout", "4.5.6")
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER):
        with tracer.start_as_current_span("call", kind=SpanKind.CLIENT) as span:
            span.set_attributes({"http.response.status_code": 503, "order": "17"})
            span.add_event("retried", {"n": 2})
            span.set_status(Status(StatusCode.ERROR, "no room"))
    spans = memory.get_finished_spans()
    exporter = ZipkinExporter(endpoint=f"{skein.otlp_http}/api/v2/spans")
    assert exporter.export(spans) is SpanExportResult.SUCCESS

    found = skein.trace(spans[0].context.trace_id, 2)
    root, call = found["root"], found["call"]
    assert (root["kind"], call["kind"]) == ("server", "client")
    assert call["parent_span_id"] == root["span_id"]
    assert call["service_name"] == "zipkin-shop"
    assert (call["status"], call["status_message"]) == ("error", "no room")
    assert call["attributes"]["http.response.status_code"] == 503
    assert call["attributes"]["order"] == "17"
    assert [(event["name"], event["attributes"]) for event in call["events"]] == [("retried", {"n": 2})]
    assert (call["scope"]["name"], call["scope"]["version"]) == ("shop.checkout", "4.5.6")
    # Zipkin's times are microseconds.
    sent = next(span for span in spans if span.name == "call")
    assert abs(int(call["start_time_unix_ns"]) - sent.start_time) <= 1000


@pytest.mark.parametrize("encoding", [Encoding.V2_JSON, Encoding.V2_PROTO3], ids=["json", "protobuf"])
def test_py_zipkin_with_a_shared_span(skein, encoding):
    host, port = skein.http.removeprefix("http://").split(":")
    transport = SimpleHTTPTransport(host, int(port))
    trace_id = generate_random_64bit_string()
    start = time.time()
    common = {"transport_handler": transport, "sample_rate": 100.0, "encoding": encoding}
    attrs = ZipkinAttrs(trace_id, generate_random_64bit_string(), None, "0", True)
    with zipkin_span("shop", "page", zipkin_attrs=attrs, kind=Kind.SERVER, **common):
        with zipkin_span("shop", "call", kind=Kind.CLIENT, binary_annotations={"error": "no room"}):
            headers = create_http_headers_for_new_span()
            # The other service: it continues the client's span under the same id, as B3 has it.
            shared = ZipkinAttrs(
                headers["X-B3-TraceId"], headers["X-B3-SpanId"], headers["X-B3-ParentSpanId"], "0", True
            )
    with zipkin_span("cart", "serve", zipkin_attrs=shared, kind=Kind.SERVER, **common):
        with zipkin_span("cart", "work", kind=Kind.LOCAL):
            pass

    found = skein.trace(int(trace_id, 16), 4)
    assert found["call"]["parent_span_id"] == found["page"]["span_id"]
    assert (found["call"]["status"], found["call"]["status_message"]) == ("error", "no room")
    assert found["serve"]["service_name"] == "cart"
    assert (found["page"]["kind"], found["work"]["kind"]) == ("server", "internal")
    assert any("64 bits" in note for note in found["page"]["notes"])
    assert abs(int(found["page"]["start_time_unix_ns"]) / 1e9 - start) < 60
    ids = [span["span_id"] for span in found.values()]
    assert len(set(ids)) == len(ids), "every span has an id of its own"
    assert found["work"]["parent_span_id"] == found["serve"]["span_id"]
