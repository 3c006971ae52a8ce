"""A skein of its own for the tests of this folder: free ports, an empty folder, stopped the way an operator would."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

READY_WITHIN_SECS = 60
DRAIN_WITHIN_SECS = 30
FOUND_WITHIN_SECS = 20

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SKEIN_BIN", REPOSITORY / "target/release/skein"))


class Skein:
    def __init__(self, http: str, otlp_grpc: str, otlp_http: str):
        self.http = http
        self.otlp_grpc = otlp_grpc
        self.otlp_http = otlp_http

    def trace(self, trace_id: int, count: int) -> dict[str, dict]:
        """The spans of a trace by name, once there are at least `count` of them."""

        def probe():
            try:
                spans = get_json(f"{self.http}/api/traces/{trace_id:032x}")["spans"]
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                raise
            return spans if len(spans) >= count else None

        spans = wait_for(f"trace {trace_id:032x} with {count} spans", probe, FOUND_WITHIN_SECS)
        return {span["operation_name"]: span for span in spans}


@pytest.fixture(scope="session")
def skein(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("skein"), {}) as skein:
        yield skein


@contextmanager
def serving(folder: Path, variables: dict[str, str], *arguments: str):
    """A server on the data in a folder, with these settings."""
    assert BINARY.exists(), f"there is no {BINARY}: run `make build` first"
    data, log = folder / "data", folder / "serve.log"
    # Of a server before.
    (data / "addresses.json").unlink(missing_ok=True)
    free = "127.0.0.1:0"
    # The caller's own SKEIN_ settings must not reach a test; where the engine lies may.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SKEIN_") or k == "SKEIN_ENGINE_LIB"} | variables
    doors = ["--http", free, "--otlp-grpc", free, "--otlp-http", free]
    with log.open("w") as output:
        command = [BINARY, "serve", *doors, "--data-dir", data, *arguments]
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield started(server, data, log)
        server.send_signal(signal.SIGTERM)
        assert server.wait(DRAIN_WITHIN_SECS) == 0, f"skein did not end well; its log ends with\n{tail(log)}"
    finally:
        server.kill()
        server.wait()


def started(server: subprocess.Popen, data: Path, log: Path) -> Skein:
    def ready():
        assert server.poll() is None, f"skein has stopped by itself; its log ends with\n{tail(log)}"
        try:
            written = json.loads((data / "addresses.json").read_text())
            skein = Skein(*(url(written[name]) for name in ("http", "otlp_grpc", "otlp_http")))
            with urllib.request.urlopen(f"{skein.http}/readyz", timeout=5):
                return skein
        except (OSError, ValueError):
            return None

    return wait_for("a ready skein", ready, READY_WITHIN_SECS)


def wait_for(what: str, probe, within_secs: float):
    """Waits until `probe` answers something; never for a fixed time."""
    deadline = time.monotonic() + within_secs
    while True:
        answer = probe()
        if answer is not None:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {within_secs} s"
        time.sleep(0.025)


def get_json(address: str):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def url(address: str) -> str:
    return address.rstrip("/") if "://" in address else f"http://{address}"


def tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-30:])
