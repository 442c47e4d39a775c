"""The example that reads Kafka, on a real broker: killed again and again, every record once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.kafka_server import kafka

pytestmark = pytest.mark.interop
ROOT = Path(__file__).resolve().parents[2]
RECORDS = 20_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    try:
        with kafka(tmp_path_factory.mktemp("kafka")) as address:
            yield address
    except peers.PeerMissingError as reason:
        if peers.strict():
            pytest.fail(f"kafka is needed in CI: {reason}")
        pytest.skip(f"kafka: {reason}")


def test_a_reader_that_is_killed_again_and_again_loses_and_doubles_nothing(broker, tmp_path):
    command = [sys.executable, str(ROOT / "examples/kafka_orders.py"), "demo"]
    done = subprocess.run(
        [*command, f"--servers={broker}", f"--lake={tmp_path}", f"--count={RECORDS}", "--kills=2"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{RECORDS} records produced, {RECORDS} rows: 0 lost, 0 twice" in done.stdout
    assert "the last reader ended with 143" in done.stdout
    assert done.stdout.count("kill ") == 2
