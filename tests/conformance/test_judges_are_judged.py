"""Seeded mistakes in our writer: each must turn a named check red, or that check proves nothing.

Reading back alone notices few of them; statistics, counts and sequence numbers show only when Java
filters, continues the table, or counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest

from tests.support.oracle_judge import (
    check_filters,
    check_read,
    check_total,
    java_adds_a_column,
    java_continues,
    write_shape,
)
from tests.support.oracle_shapes import Builder, Shape

pytestmark = pytest.mark.interop


def keyed(**options: str) -> Shape:
    columns = [("k", "INT NOT NULL"), ("v", "STRING"), ("d", "DOUBLE")]
    b = Builder("keyed", columns, ["k"], bucket="4", **options).pool("k", list(range(-9, 9)))
    return b.write(30).write(25, 0.3).shape


def appended() -> Shape:
    columns = [("v", "INT"), ("s", "STRING"), ("d", "DOUBLE")]
    return Builder("appended", columns, bucket="-1").write(30).write(30).shape


def partitioned() -> Shape:
    b = Builder("partitioned", [("p", "INT"), ("v", "INT")], (), ["p"], bucket="-1")
    return b.pool("p", [None, -1, 3, 700]).write(20).write(20).shape


def lone_delete() -> Shape:
    columns = [("k", "INT NOT NULL"), ("s", "STRING")]
    b = Builder("lone", columns, ["k"], bucket="1", target_file_size="512 b").pool("k", [1, 2, 3])
    b.write(9)
    rows = [[90, 50, "a"], [91, 51, "b"], [92, 52, "c"]]
    b.shape.commits.append(("write", ["+I", "-D", "+I"], rows))
    return b.shape


def long_texts() -> Shape:
    b = Builder("long", [("s", "STRING")], bucket="-1")
    return b.pool("s", [f"{'z' * 16}{i}" for i in range(5)]).write(9).write(9).shape


def odd_numbers() -> Shape:
    b = Builder("odd", [("d", "DOUBLE")], bucket="-1")
    return b.pool("d", [1.5, 2.5, "NaN"]).write(9).write(9).shape


def nested() -> Shape:
    row = [{"id": 0, "name": "x", "type": "INT"}, {"id": 1, "name": "y", "type": "INT"}]
    columns = [("r", {"type": "ROW", "fields": row}), ("v", "INT")]
    return Builder("nested", columns, bucket="-1").write(9).shape


# The judges that the shapes go through, under the names that a red one is known by.


def rows(java, warehouse, shape):
    return check_read(java, warehouse, shape, shape.model())


def continued(java, warehouse, shape):
    return check_read(java, warehouse, shape, java_continues(java, warehouse, shape))


def total_after(java, warehouse, shape):
    return check_total(java, warehouse, shape, len(java_continues(java, warehouse, shape)))


def compacted(java, warehouse, shape):
    java.write(warehouse, name=f"db.{shape.name}", compact="full")
    return check_read(java, warehouse, shape, shape.model())


def filters(java, warehouse, shape):
    return check_filters(java, warehouse, shape, rounds=3)[1]


def total(java, warehouse, shape):
    return check_total(java, warehouse, shape, shape.physical_rows())


def new_column(java, warehouse, shape):
    return java_adds_a_column(java, warehouse, shape, shape.model())


@dataclass(frozen=True)
class Mistake:
    """`wrong` makes a bad one of what `target` ("module:attribute.path") names."""

    target: str
    wrong: Callable[[Any], Any]
    shape: Callable[[], Shape]
    check: Callable[..., list[str]]


WRITER = "tablestore.commit.manifest_writer:"


def in_files(change: Callable[[Any], Any], shape, check) -> Mistake:
    """`change` maps the description of each data file to a wrong one."""

    def wrong(encode):
        return lambda entries: encode([replace(e, file=change(e.file)) for e in entries])

    return Mistake(WRITER + "encode_manifest", wrong, shape, check)


def in_manifests(change: Callable[[Any], Any], shape, check) -> Mistake:
    """`change` maps the description of each manifest to a wrong one."""

    def wrong(encode):
        return lambda metas: encode([change(m) for m in metas])

    return Mistake(WRITER + "encode_manifest_list", wrong, shape, check)


def in_snapshot(change: Callable[[Any], Any], shape, check) -> Mistake:
    def wrong(encode):
        return lambda snapshot: encode(change(snapshot))

    return Mistake("tablestore.commit.prepare:encode_snapshot", wrong, shape, check)


def in_schema(change: Callable[[Any], Any], shape, check) -> Mistake:
    def wrong(encode):
        return lambda schema: encode(change(schema))

    return Mistake("tablestore.metadata.schemas:encode_schema", wrong, shape, check)


def low_top(stats):
    """An upper bound as low as the lower one."""
    return replace(stats, max_values=stats.min_values)


def no_nulls(stats):
    return replace(stats, null_counts=tuple(0 for _ in stats.null_counts or ()))


def buckets_off(bucket_ids):
    """Python's remainder in place of Java's: other buckets for negative hashes."""

    def wrong(columns, types, function, n):
        from tablestore.format.bucket import row_hashes

        return (row_hashes(columns, types).astype("int32") % n).astype("int32")

    return wrong


def short_list(write_list):
    def wrong(self, metas):
        name, size = write_list(self, metas)
        return name, size - 200

    return wrong


MISTAKES = {
    "bucket of negative hashes": Mistake(
        "tablestore.write.router:bucket_ids", buckets_off, keyed, continued
    ),
    "key statistics: upper bound too low": in_files(
        lambda f: replace(f, key_stats=low_top(f.key_stats)), keyed, filters
    ),
    "largest key too small": in_files(lambda f: replace(f, max_key=f.min_key), keyed, continued),
    "value statistics: upper bound too low": in_files(
        lambda f: replace(f, value_stats=low_top(f.value_stats)), appended, filters
    ),
    "value statistics: no nulls counted": in_files(
        lambda f: replace(f, value_stats=no_nulls(f.value_stats)), appended, filters
    ),
    "value statistics: columns in another order": in_files(
        lambda f: replace(f, value_stats_cols=("d", "s", "v", "rid")), appended, filters
    ),
    "partition statistics: upper bound too low": in_manifests(
        lambda m: replace(m, partition_stats=low_top(m.partition_stats)), partitioned, filters
    ),
    "partition statistics: no nulls counted": in_manifests(
        lambda m: replace(m, partition_stats=no_nulls(m.partition_stats)), partitioned, filters
    ),
    "largest bucket of a manifest too small": in_manifests(
        lambda m: replace(m, max_bucket=m.min_bucket), keyed, continued
    ),
    "record count of a file": in_files(
        lambda f: replace(f, row_count=f.row_count + 1), keyed, total_after
    ),
    "record count of the snapshot": in_snapshot(
        lambda s: replace(s, total_record_count=s.total_record_count + 1), keyed, total
    ),
    "size of a file": in_files(lambda f: replace(f, file_size=f.file_size - 1), appended, rows),
    "size of a manifest list": Mistake(
        WRITER + "ManifestWriter.write_list", short_list, keyed, rows
    ),
    "sequence numbers restart": Mistake(
        "tablestore.metadata.base:LiveFiles.max_sequence",
        lambda _: lambda self, partition, bucket: -1,
        keyed,
        rows,
    ),
    "largest sequence number of a file": in_files(
        lambda f: replace(f, max_sequence_number=f.min_sequence_number), keyed, continued
    ),
    "deleted rows not counted": in_files(
        lambda f: replace(f, delete_row_count=0), lone_delete, compacted
    ),
    "highestFieldId without nested fields": in_schema(
        lambda s: replace(s, highest_field_id=len(s.fields) - 1), nested, new_column
    ),
    "NaN left out of the statistics in a file": Mistake(
        "tablestore.runs.rolling:nan_columns", lambda _: lambda batch: set(), odd_numbers, filters
    ),
    "truncated upper bound not raised": Mistake(
        "tablestore.format.stats:_truncated",
        lambda _: lambda low, high, n: (low[:n], high[:n]),
        long_texts,
        filters,
    ),
}


def patch(monkeypatch, mistake: Mistake) -> None:
    module, path = mistake.target.split(":")
    owner = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    monkeypatch.setattr(owner, name, mistake.wrong(getattr(owner, name)))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_seeded_mistake_turns_its_judge_red(name, java, ours, monkeypatch, figures, tmp_path):
    mistake = MISTAKES[name]
    shape = mistake.shape()
    with monkeypatch.context() as patched:
        patch(patched, mistake)
        write_shape(ours, tmp_path, shape)
    assert mistake.check(java, tmp_path, shape), f"{mistake.check.__name__} does not notice it"
    figures["seeded mistakes"] += 1


JUDGED = sorted(
    {(m.shape, m.check) for m in MISTAKES.values()}, key=lambda x: [f.__name__ for f in x]
)


@pytest.mark.parametrize(("shape", "check"), JUDGED, ids=lambda f: f.__name__)
def test_without_a_mistake_the_same_judge_is_green(shape, check, java, ours, tmp_path):
    write_shape(ours, tmp_path, shape())
    assert not check(java, tmp_path, shape())
