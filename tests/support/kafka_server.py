"""A Kafka broker of our own on this machine: one node, installed by Maven once."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support import peers

VERSION = "4.3.0"
READY_SECONDS = 120
CLUSTER = "tablestoreTestKafka00A"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>tablestore</groupId><artifactId>kafka-run</artifactId><version>1</version>
  <packaging>pom</packaging><dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version></dependency>
  </dependencies></project>
"""
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """A broker's address while the block runs.

    Raises:
        PeerMissingError: Java or Maven is absent, or the broker does not start.
    """
    jars = _installed()
    java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
    port, controller = _free_ports(2)
    settings = folder / "server.properties"
    settings.write_text(SETTINGS.format(port=port, controller=controller, folder=folder))
    format_ = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(settings)]
    peers._run(*format_)
    log = folder / "kafka.log"
    with log.open("wb") as out:
        level = "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info"
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        command = [*java[:-2], quiet, level, *java[-2:], "kafka.Kafka", str(settings)]
        broker = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait(broker, log)
        yield f"127.0.0.1:{port}"
    finally:
        broker.kill()
        broker.wait()


def _wait(broker: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while "Kafka Server started" not in log.read_text(errors="replace"):
        if broker.poll() is not None or time.monotonic() > until:
            raise peers.PeerMissingError(f"kafka does not start: {log.read_text()[-800:]}")
        time.sleep(0.1)


def _installed() -> Path:
    """The folder of its jars."""
    given = os.environ.get("TABLESTORE_KAFKA_JARS")
    if given:
        return Path(given)
    root = peers.cache_dir()
    with peers._locked(root):
        target = root / f"kafka-{VERSION}"
        pom = root / "kafka-pom.xml"
        pom.write_text(POM)
        if shutil.which("mvn") is None and not target.is_dir():
            raise peers.PeerMissingError("mvn is not on the path")
        scope = ("dependency:copy-dependencies", "-DincludeScope=runtime")
        peers._mvn(target, "-f", str(pom), *scope)
        return target


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            found.append(one.getsockname()[1])
        return found
