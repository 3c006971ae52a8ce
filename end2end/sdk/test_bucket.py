"""Older spans lie in a bucket, of a server that speaks S3, and are read from there."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from contextlib import contextmanager

import pytest
from moto.server import ThreadedMotoServer

from conftest import BINARY, DRAIN_WITHIN_SECS, get_json, started, tail, wait_for

OLD_TRACE = 0x01D0000000000000000000000000B0C4
SPANS = 10
DISK = "SELECT DISTINCT disk_name FROM system.parts WHERE active AND table = 'spans' AND partition LIKE '%old%'"
KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "its-secret"}


class Bucket:
    def __init__(self, server: ThreadedMotoServer):
        host, port = server.get_host_and_port()
        self.url = f"http://{host}:{port}/traces"
        urllib.request.urlopen(urllib.request.Request(self.url, method="PUT"), timeout=10).close()

    def objects(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}?list-type=2", timeout=10) as answer:
            return re.findall("<Key>([^<]*)</Key>", answer.read().decode())


@pytest.fixture
def bucket():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield Bucket(server)
    server.stop()


@contextmanager
def serving(folder, *arguments: str):
    data, log = folder / "data", folder / "serve.log"
    free = "127.0.0.1:0"
    (data / "addresses.json").unlink(missing_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SKEIN_") or k == "SKEIN_ENGINE_LIB"} | KEYS
    doors = ["--http", free, "--otlp-grpc", free, "--otlp-http", free, "--own-traces", "false"]
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


def sql(folder, text: str) -> str:
    engine = json.loads((folder / "data/engine/client.json").read_text())
    headers = {"X-ClickHouse-User": engine["user"], "X-ClickHouse-Key": engine["password"]}
    address = f"{engine['url']}/?database={engine['database']}"
    with urllib.request.urlopen(urllib.request.Request(address, text.encode(), headers), timeout=30) as answer:
        return answer.read().decode().strip()


def spans_of(skein, trace_id: int) -> int:
    return len(get_json(f"{skein.http}/api/traces/{trace_id:032x}")["spans"])


def test_older_spans_lie_in_a_bucket(bucket, tmp_path):
    cold = ["--cold-dir", f"{bucket.url}/skein", "--cold-after-days", "2"]
    with serving(tmp_path, *cold) as skein:
        sql(
            tmp_path,
            f"""INSERT INTO spans (tenant, class, received, trace_id, span_id, start, service, operation)
            SELECT 'default', 'old', now() - INTERVAL 5 DAY, unhex('{OLD_TRACE:032x}'), number + 1, now() - INTERVAL 5 DAY,
                'cart', 'add' FROM numbers({SPANS})""",
        )
        wait_for("old spans in the bucket", lambda: sql(tmp_path, DISK) == "cold" or None, 20)
        assert bucket.objects() and all(name.startswith("skein/") for name in bucket.objects())
        assert spans_of(skein, OLD_TRACE) == SPANS

    # Kept there, and known without the flag.
    with serving(tmp_path) as skein:
        assert sql(tmp_path, DISK) == "cold"
        assert spans_of(skein, OLD_TRACE) == SPANS
