"""Does an application notice when Skein is slow or gone? Calls per second of a traced function, with the Python SDK as
it comes (batches in the background), while Skein is healthy, hung (its process stopped) and dead (its ports closed).

    SKEIN_BIN=target/release/skein end2end/.venv/bin/python end2end/sdk/bench_senders.py [seconds] [rounds]

Prints a table for `bench/results/`. A measurement, not a test: nothing is asserted.
"""

import hashlib
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from conftest import BINARY, started

STATES = ("no exporter", "healthy", "hung", "dead")
EXPORTERS = {
    "gRPC": lambda skein: GrpcExporter(endpoint=skein.otlp_grpc, insecure=True, timeout=2),
    "HTTP": lambda skein: HttpExporter(endpoint=f"{skein.otlp_http}/v1/traces", timeout=2),
}
ATTRIBUTES = {"http.request.method": "GET", "url.path": "/cart", "user.id": "u-17", "items": 3, "gift": True, "w": 0.5}
WORK = b"x" * 40_000


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    logging.disable(logging.CRITICAL)  # the SDK says that it cannot export; that is known here
    print("| exporter | Skein is | calls/s | of no exporter | p99 of a call | longest call |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, exporter in EXPORTERS.items():
        figures = {state: [] for state in STATES}
        for _ in range(rounds):
            for state in STATES:
                figures[state].append(measured(state, exporter, seconds))
        base = statistics.median(rate for rate, _, _ in figures["no exporter"])
        for state in STATES:
            rate = statistics.median(f[0] for f in figures[state])
            p99 = statistics.median(f[1] for f in figures[state])
            longest = max(f[2] for f in figures[state])
            print(f"| {name} | {state} | {rate:,.0f} | {rate / base:.2f} | {p99 * 1e6:.0f} µs | {longest * 1e3:.1f} ms |")


def measured(state: str, exporter, seconds: float) -> tuple[float, float, float]:
    """Calls per second, the 99th percentile and the longest of a call, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        free = "127.0.0.1:0"
        command = [BINARY, "serve", "--http", free, "--otlp-grpc", free, "--otlp-http", free]
        command += ["--data-dir", f"{folder}/data"]
        with log.open("w") as output:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        provider = TracerProvider(resource=Resource({"service.name": "sender"}))
        try:
            skein = started(server, Path(folder) / "data", log)
            if state != "no exporter":
                provider.add_span_processor(BatchSpanProcessor(exporter(skein)))
            call_for(provider, 0.5)  # the connection is there, the batches flow
            if state == "hung":
                server.send_signal(signal.SIGSTOP)
            if state == "dead":
                server.kill()
                server.wait()
            return call_for(provider, seconds)
        finally:
            server.kill()
            server.wait()
            provider.shutdown()


def call_for(provider: TracerProvider, seconds: float) -> tuple[float, float, float]:
    tracer = provider.get_tracer("bench")
    taken = []
    began = time.perf_counter()
    while (at := time.perf_counter()) - began < seconds:
        with tracer.start_as_current_span("handle", attributes=ATTRIBUTES):
            hashlib.sha256(WORK).digest()
        taken.append(time.perf_counter() - at)
    taken.sort()
    return len(taken) / seconds, taken[len(taken) * 99 // 100], taken[-1]


if __name__ == "__main__":
    os.environ.setdefault("OTEL_BSP_SCHEDULE_DELAY", "200")
    main()
