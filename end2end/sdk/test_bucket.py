"""Older spans lie in a bucket, of a server that speaks S3, and are read from there."""

import json
import re
import urllib.request

import pytest
from moto.server import ThreadedMotoServer

from conftest import get_json, serving, wait_for

OLD_TRACE = 0x01D0000000000000000000000000B0C4
SPANS = 10
DISK = "SELECT DISTINCT disk_name FROM system.parts WHERE active AND table = 'spans' AND partition LIKE '%old%'"
RULE = "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'spans'"
QUIET = ("--own-traces", "false")
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
    with serving(tmp_path, KEYS, *QUIET, *cold) as skein:
        # A part that is there before the rule is moved when it is merged.
        wait_for("the rule", lambda: "TO VOLUME" in sql(tmp_path, RULE) or None, 20)
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
    with serving(tmp_path, KEYS, *QUIET) as skein:
        assert sql(tmp_path, DISK) == "cold"
        assert spans_of(skein, OLD_TRACE) == SPANS
