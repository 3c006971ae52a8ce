"""The OpenTelemetry SDK for Python sends log records; each is found beside its trace, with its types."""

import time

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from conftest import FOUND_WITHIN_SECS, get_json, wait_for
from test_python_sdk import EVERY_TYPE, contract, typed

TRANSPORTS = {
    "grpc": lambda skein: GrpcExporter(endpoint=skein.otlp_grpc, insecure=True),
    "http": lambda skein: HttpExporter(endpoint=f"{skein.otlp_http}/v1/logs"),
    "http-gzip": lambda skein: HttpExporter(endpoint=f"{skein.otlp_http}/v1/logs", compression=Compression.Gzip),
    "http-on-the-ui-port": lambda skein: HttpExporter(endpoint=f"{skein.http}/v1/logs"),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_log_records_with_every_type(skein, transport):
    provider = LoggerProvider(resource=Resource({"service.name": "python-logs"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(TRANSPORTS[transport](skein)))
    logger = provider.get_logger("shop.log", "1.2")
    now = time.time_ns()
    with TracerProvider().get_tracer("t").start_as_current_span("work") as span:
        for number, body in enumerate(["later", {"order": 7, "list": [1, "a"]}]):
            logger.emit(
                LogRecord(
                    timestamp=now - number,
                    severity_number=SeverityNumber.WARN2,
                    severity_text="WARNING",
                    body=body,
                    attributes=EVERY_TYPE,
                    event_name="cart.full",
                )
            )
        context = span.get_span_context()
    provider.shutdown()

    def probe():
        log = get_json(f"{skein.http}/api/traces/{context.trace_id:032x}/logs")
        return log["logs"] if len(log["logs"]) == 2 else None

    first, second = wait_for("two log lines", probe, FOUND_WITHIN_SECS)
    assert (first["time_unix_ns"], second["time_unix_ns"]) == (str(now - 1), str(now))
    assert typed(first["body"]) == typed({"order": 7, "list": [1, "a"]})
    assert second["body"] == "later"
    assert typed(second["attributes"]) == typed(contract(EVERY_TYPE))
    assert second["span_id"] == f"{context.span_id:016x}"
    assert (second["severity"], second["severity_number"], second["severity_text"]) == ("warn", 14, "WARNING")
    assert (second["event_name"], second["service_name"]) == ("cart.full", "python-logs")
    assert (second["scope"]["name"], second["scope"]["version"]) == ("shop.log", "1.2")
