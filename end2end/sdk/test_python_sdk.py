"""The OpenTelemetry SDK for Python exports every field it can set, and each is found again with its type."""

import base64
import time

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

TRANSPORTS = {
    "grpc": lambda skein: GrpcExporter(endpoint=skein.otlp_grpc, insecure=True),
    "grpc-gzip": lambda skein: GrpcExporter(
        endpoint=skein.otlp_grpc, insecure=True, compression=grpc.Compression.Gzip
    ),
    "http": lambda skein: HttpExporter(endpoint=f"{skein.otlp_http}/v1/traces"),
    "http-gzip": lambda skein: HttpExporter(
        endpoint=f"{skein.otlp_http}/v1/traces", compression=Compression.Gzip
    ),
    "http-on-the-ui-port": lambda skein: HttpExporter(endpoint=f"{skein.http}/v1/traces"),
}

EVERY_TYPE = {
    "string": "plain",
    "string.empty": "",
    "string.unicode": "Grüße, 世界 🧵 \u0007 \"quoted\" \\",
    "string.looks.like.int": "42",
    "string.long": "x" * 20_000,
    "bool.true": True,
    "bool.false": False,
    "int": 42,
    "int.zero": 0,
    "int.negative": -7,
    "int.safe": 2**53 - 1,
    "int.beyond.2^53": 2**53 + 1,
    "int.min": -(2**63),
    "int.max": 2**63 - 1,
    "double": 3.25,
    "double.whole": 2.0,
    "double.tiny": 5e-324,
    "double.huge": 1.7976931348623157e308,
    "double.precise": 0.1 + 0.2,
    "bytes": b"\x00\xffskein",
    "none": None,
    "strings": ["a", "", "ü"],
    "bools": [True, False],
    "ints": [1, -2, 2**60],
    "doubles": [0.5, 2.0],
    "empty": [],
    "mixed": ["a", 1, 1.5, True, None],
    "nested": [[1, 2], ["a"]],
    "map": {"a": 1, "b": {"c": [True, 2**60]}},
}

# A whole second, recent enough for any retention.
NOW_NS = (int(time.time()) - 10) * 1_000_000_000

RESOURCE = {"service.name": "python-shop", "service.version": "1.2.3", "host.cpus": 8, "zones": ["a", "b"]}
REMOTE = SpanContext(
    trace_id=0x0AF7651916CD43DD8448EB211C80319C,
    span_id=0x00F067AA0BA902B7,
    is_remote=True,
    trace_flags=TraceFlags(TraceFlags.SAMPLED),
    trace_state=TraceState([("vendor", "a:b-c"), ("other@tenant", "1")]),
)


@pytest.fixture(params=TRANSPORTS)
def transport(request, skein):
    exporter = TRANSPORTS[request.param](skein)
    yield exporter
    exporter.shutdown()


def test_every_type_of_attribute(skein, transport):
    recorder = Recorder()
    with recorder.tracer().start_as_current_span("typed", attributes=EVERY_TYPE) as span:
        span.add_event("happened", EVERY_TYPE)
    found = recorder.sent_and_found(skein, transport)["typed"]
    assert typed(found["attributes"]) == typed(contract(EVERY_TYPE))
    assert typed(found["events"][0]["attributes"]) == typed(contract(EVERY_TYPE))


def test_identity_times_and_parents(skein, transport):
    recorder = Recorder()
    tracer = recorder.tracer()
    start = NOW_NS + 123_456_789
    root = tracer.start_span("root", start_time=start)
    child = tracer.start_span("child", context=set_span_in_context(root), start_time=start + 1)
    child.end(start + 1_000_000_002)
    root.end(start + 5_000_000_003)
    found = recorder.sent_and_found(skein, transport)

    context = root.get_span_context()
    assert found["root"]["trace_id"] == f"{context.trace_id:032x}"
    assert found["root"]["span_id"] == f"{context.span_id:016x}"
    assert not found["root"]["parent_span_id"]
    assert found["root"]["start_time_unix_ns"] == str(start)
    assert found["root"]["duration_ns"] == "5000000003"
    assert found["root"]["duration_ms"] == pytest.approx(5000.000003)
    assert found["root"]["service_name"] == "python-shop"
    assert found["child"]["parent_span_id"] == f"{context.span_id:016x}"
    assert found["child"]["start_time_unix_ns"] == str(start + 1)
    assert found["child"]["duration_ns"] == "1000000001"


def test_kinds(skein, transport):
    recorder = Recorder()
    tracer = recorder.tracer()
    with tracer.start_as_current_span("internal"):
        for kind in SpanKind:
            if kind is not SpanKind.INTERNAL:
                tracer.start_span(kind.name.lower(), kind=kind).end()
    found = recorder.sent_and_found(skein, transport)
    assert {name: span["kind"] for name, span in found.items()} == {
        name: name for name in ("internal", "server", "client", "producer", "consumer")
    }


def test_status_and_its_message(skein, transport):
    recorder = Recorder()
    tracer = recorder.tracer()
    with tracer.start_as_current_span("unset"):
        with tracer.start_as_current_span("fine") as span:
            span.set_status(Status(StatusCode.OK))
        with tracer.start_as_current_span("failed") as span:
            span.set_status(Status(StatusCode.ERROR, "kaputt: ünlesbar"))
    found = recorder.sent_and_found(skein, transport)
    assert (found["unset"]["status"], found["unset"]["status_message"]) == ("unset", "")
    assert (found["fine"]["status"], found["fine"]["status_message"]) == ("ok", "")
    assert (found["failed"]["status"], found["failed"]["status_message"]) == ("error", "kaputt: ünlesbar")


def test_events_in_order_with_an_exception(skein, transport):
    recorder = Recorder()
    start = NOW_NS
    span = recorder.tracer().start_span("eventful", start_time=start)
    span.add_event("first", {"n": 1}, timestamp=start + 1)
    span.add_event("second", timestamp=start + 2)
    try:
        raise ValueError("no such cart")
    except ValueError as error:
        span.record_exception(error, {"cart": "c-1"}, timestamp=start + 3)
    span.end(start + 10)
    events = recorder.sent_and_found(skein, transport)["eventful"]["events"]
    assert [(e["name"], e["time_unix_ns"]) for e in events] == [
        ("first", str(start + 1)),
        ("second", str(start + 2)),
        ("exception", str(start + 3)),
    ]
    assert typed(events[0]["attributes"]) == typed({"n": 1})
    assert events[1]["attributes"] == {}
    exception = events[2]["attributes"]
    assert exception["exception.type"] == "ValueError"
    assert exception["exception.message"] == "no such cart"
    assert "Traceback" in exception["exception.stacktrace"]
    assert exception["cart"] == "c-1"


def test_links_with_attributes_and_flags(skein, transport):
    recorder = Recorder()
    bare = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False)
    recorder.tracer().start_span("linked", links=[Link(REMOTE, EVERY_TYPE), Link(bare)]).end()
    first, second = recorder.sent_and_found(skein, transport)["linked"]["links"]
    assert first["trace_id"] == f"{REMOTE.trace_id:032x}"
    assert first["span_id"] == f"{REMOTE.span_id:016x}"
    # This SDK does not send a link's trace state; the Node tests look for it.
    assert first["flags"] & 0x300 == 0x300
    assert typed(first["attributes"]) == typed(contract(EVERY_TYPE))
    assert second["trace_id"] == f"{0xABC:032x}"
    assert second["span_id"] == f"{0xDEF:016x}"
    assert (second["trace_state"], second["attributes"]) == ("", {})


def test_resource_and_scope(skein, transport):
    recorder = Recorder()
    recorder.tracer().start_span("scoped").end()
    found = recorder.sent_and_found(skein, transport)["scoped"]
    resource = {key: found["resource_attributes"][key] for key in RESOURCE}
    assert typed(resource) == typed(RESOURCE)
    assert found["resource_schema_url"] == "https://example.test/resource/1"
    assert found["scope"]["name"] == "shop.checkout"
    assert found["scope"]["version"] == "4.5.6"
    assert typed(found["scope"]["attributes"]) == typed(contract(EVERY_TYPE))
    assert found["scope"]["schema_url"] == "https://example.test/scope/1"


def test_two_scopes_of_one_resource_stay_apart(skein, transport):
    recorder = Recorder()
    with recorder.provider.get_tracer("outer", "1").start_as_current_span("a"):
        recorder.provider.get_tracer("inner", "2").start_span("b").end()
    found = recorder.sent_and_found(skein, transport)
    assert {name: (span["scope"]["name"], span["scope"]["version"]) for name, span in found.items()} == {
        "a": ("outer", "1"),
        "b": ("inner", "2"),
    }


def test_trace_state_and_remote_parent(skein, transport):
    recorder = Recorder()
    # A trace of its own for each transport: the parent is what is under test, not the trace.
    parent = SpanContext(
        recorder.provider.id_generator.generate_trace_id(), REMOTE.span_id, True, REMOTE.trace_flags, REMOTE.trace_state
    )
    recorder.tracer().start_span("continued", context=set_span_in_context(NonRecordingSpan(parent))).end()
    found = recorder.sent_and_found(skein, transport)["continued"]
    assert found["parent_span_id"] == f"{REMOTE.span_id:016x}"
    assert found["trace_state"] == "vendor=a:b-c,other@tenant=1"
    # "has is_remote" and "is remote", bits 8 and 9 of OTLP's span flags.
    assert found["flags"] & 0x300 == 0x300


def test_what_the_sdk_dropped_is_counted(skein, transport):
    recorder = Recorder(
        SpanLimits(
            max_span_attributes=2,
            max_events=1,
            max_links=1,
            max_event_attributes=1,
            max_link_attributes=1,
        )
    )
    links = [Link(REMOTE), Link(REMOTE, {"a": 1, "b": 2, "c": 3})]
    with recorder.tracer().start_as_current_span("limited", links=links) as span:
        span.set_attributes({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
        for name in ("one", "two", "three"):
            span.add_event(name, {"a": 1, "b": 2})
    found = recorder.sent_and_found(skein, transport)["limited"]
    assert found["dropped_attributes_count"] == 3
    assert found["dropped_events_count"] == 2
    assert found["dropped_links_count"] == 1
    assert found["events"][0]["dropped_attributes_count"] == 1
    assert found["links"][0]["dropped_attributes_count"] == 2


class Recorder:
    """Keeps the finished spans of one test, so that an exporter under test sends exactly them."""

    def __init__(self, limits: SpanLimits | None = None):
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider(
            resource=Resource(RESOURCE, "https://example.test/resource/1"), span_limits=limits
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))

    def tracer(self):
        return self.provider.get_tracer("shop.checkout", "4.5.6", "https://example.test/scope/1", EVERY_TYPE)

    def sent_and_found(self, skein, exporter) -> dict[str, dict]:
        spans = self.memory.get_finished_spans()
        assert exporter.export(spans) is SpanExportResult.SUCCESS
        return skein.trace(spans[0].context.trace_id, len(spans))


def contract(value):
    """What the JSON of the API promises for a value: big integers as strings, bytes as base64."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [contract(item) for item in value]
    if isinstance(value, dict):
        return {key: contract(item) for key, item in value.items()}
    return value


def typed(value):
    """The value with each leaf's type beside it, because to Python 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(item) for item in value]
    return (type(value).__name__, value)
