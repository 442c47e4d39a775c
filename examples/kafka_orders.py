"""A Kafka topic into a table, every record once, whatever dies when.

python examples/kafka_orders.py demo                kills the reader again and again, and counts
python examples/kafka_orders.py produce --count N   makes records of orders
python examples/kafka_orders.py read                reads until SIGTERM; start it again to go on

Needs a broker (--servers, 127.0.0.1:9092 by default) and `pip install kafka-python`. The table
is an append table on purpose: a record that came twice would be there twice.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tablestore as ts

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

LAKE = Path("kafka-lake")
JOB = "kafka-orders"
PARTITIONS = 3
COLUMNS = {
    "id": "BIGINT NOT NULL",
    "item": "STRING",
    "amount": "DOUBLE",
    "kafka_partition": "INT",
    "kafka_offset": "BIGINT",
}
_ITEMS = ("cup", "jug", "pot", "pan")
_IDLE_SECONDS = 30.0


def main() -> None:
    """Runs one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["demo", "produce", "read"])
    parser.add_argument("--servers", default="127.0.0.1:9092")
    parser.add_argument("--topic", default="orders")
    parser.add_argument("--lake", default=str(LAKE), help="a folder or URI")
    parser.add_argument("--count", type=int, default=50_000, help="records to produce")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between checkpoints")
    parser.add_argument("--kills", type=int, default=4, help="times that the demo kills its reader")
    arguments = parser.parse_args()
    {"demo": demo, "produce": produce, "read": read}[arguments.what](arguments)


# -- the job ------------------------------------------------------------------------------


def read(arguments: argparse.Namespace) -> None:
    """Reads the topic from where the table says, until SIGTERM."""
    name = f"shop.{arguments.topic}"
    table = ts.connect(arguments.lake).create_table(name, COLUMNS, if_not_exists=True)
    # opening the writer takes the job over: a reader that was forgotten elsewhere is fenced
    with table.writer(JOB, flush_bytes="16 mb") as writer:
        consumer = subscribe(arguments, (writer.offsets or {}).get(arguments.topic, {}))
        print(f"from {writer.offsets}", flush=True)
        due = time.monotonic() + arguments.every
        while True:
            for partition, records in consumer.poll(timeout_ms=200, max_records=2_000).items():
                after = {str(partition.partition): records[-1].offset + 1}
                writer.write(rows_of(records), offsets={arguments.topic: after})
            if time.monotonic() >= due:
                result = writer.checkpoint()  # with the offsets that write() was given
                due = time.monotonic() + arguments.every
                if result.snapshot_ids:
                    print(f"snapshot {result.snapshot_id}: {result.rows} rows", flush=True)


def subscribe(arguments: argparse.Namespace, stored: dict[str, int]) -> KafkaConsumer:
    """A consumer of all partitions, each at its stored position; the broker keeps none."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        bootstrap_servers=arguments.servers,
        enable_auto_commit=False,
        isolation_level="read_committed",  # of a producer's aborted transactions nothing is read
    )
    partitions = partitions_of(consumer, arguments.topic)
    consumer.assign(partitions)
    for partition in partitions:
        position = stored.get(str(partition.partition))
        if position is None:
            consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, position)
    return consumer


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """The topic's partitions; waits for a topic that was just made."""
    from kafka import TopicPartition

    until = time.monotonic() + _IDLE_SECONDS
    while not (numbers := consumer.partitions_for_topic(topic)):
        if time.monotonic() > until:
            raise SystemExit(f"there is no topic {topic!r}")
        time.sleep(0.2)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def rows_of(records: list[Any]) -> list[dict[str, object]]:
    """Rows of the table from records of the topic."""
    return [
        {**json.loads(one.value), "kafka_partition": one.partition, "kafka_offset": one.offset}
        for one in records
    ]


# -- records ------------------------------------------------------------------------------


def produce(arguments: argparse.Namespace) -> None:
    """Makes orders with ids from 0 on."""
    from kafka import KafkaProducer

    create_topic(arguments)
    producer = KafkaProducer(bootstrap_servers=arguments.servers, linger_ms=20)
    for number in range(arguments.count):
        order = {"id": number, "item": random.choice(_ITEMS), "amount": number % 100 / 4}
        value = json.dumps(order).encode()
        producer.send(arguments.topic, value, partition=number % PARTITIONS)
    producer.flush()
    producer.close()
    print(f"{arguments.count} records produced", flush=True)


def create_topic(arguments: argparse.Namespace) -> None:
    """The topic, where it is not there yet."""
    from kafka.admin import KafkaAdminClient, NewTopic
    from kafka.errors import TopicAlreadyExistsError

    admin = KafkaAdminClient(bootstrap_servers=arguments.servers)
    try:
        admin.create_topics([NewTopic(arguments.topic, PARTITIONS, 1)])
    except TopicAlreadyExistsError:
        pass
    finally:
        admin.close()


# -- the demonstration --------------------------------------------------------------------


def demo(arguments: argparse.Namespace) -> None:
    """Kills the reader again and again, lets the last one end well, and counts."""
    arguments.topic = f"{arguments.topic}_{int(time.time())}"
    produce(arguments)
    for number in range(arguments.kills):
        reader = start_reader(arguments)
        time.sleep(random.uniform(1.0, 5.0))
        reader.kill()
        reader.wait()
        table = find_table(arguments)
        print(f"kill {number + 1}: {rows(table)} rows, {state(table)}", flush=True)
    reader = start_reader(arguments)
    table = find_table(arguments)
    until = time.monotonic() + _IDLE_SECONDS
    while rows(table) < arguments.count and time.monotonic() < until:
        time.sleep(0.5)
    reader.send_signal(signal.SIGTERM)
    print(f"the last reader ended with {reader.wait()} (128 + SIGTERM)")
    check(arguments)


def start_reader(arguments: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Another process that reads the topic, and has taken the job over."""
    before = state(find_table(arguments))
    options = [f"--{name}={getattr(arguments, name)}" for name in ("servers", "topic", "lake")]
    reader = subprocess.Popen([sys.executable, __file__, "read", *options, "--every=0.5"])
    until = time.monotonic() + _IDLE_SECONDS
    while state(find_table(arguments)) == before:
        if reader.poll() is not None or time.monotonic() > until:
            raise SystemExit("the reader does not start")
        time.sleep(0.1)
    return reader


def find_table(arguments: argparse.Namespace) -> ts.Table | None:
    """The table, or None before a reader has made it."""
    try:
        return ts.connect(arguments.lake).table(f"shop.{arguments.topic}")
    except ts.NotFoundError:
        return None


def state(table: ts.Table | None) -> tuple[int, object]:
    """How many readers have taken the job over, and where the last one stopped."""
    for job in () if table is None else table.jobs():
        if job.name == JOB:
            return job.writers, job.offsets
    return 0, None


def rows(table: ts.Table | None) -> int:
    """Rows that a reader of the table sees now."""
    return 0 if table is None else table.to_arrow(columns=["id"]).num_rows


def check(arguments: argparse.Namespace) -> None:
    """Every record once; else exit code 1."""
    table = ts.connect(arguments.lake).table(f"shop.{arguments.topic}")
    ids = table.to_arrow(columns=["id"])["id"].to_pylist()
    missing = arguments.count - len(set(ids))
    twice = len(ids) - len(set(ids))
    print(f"{arguments.count} records produced, {len(ids)} rows: {missing} lost, {twice} twice")
    if missing or twice:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
