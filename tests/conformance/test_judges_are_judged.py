"""Seeded mistakes in our writer: each must turn a named check red, or that check proves nothing.

Reading back alone notices few of them; statistics, counts and sequence numbers show only when Java
filters, continues the table, or counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest

from tests.support import differential_checks
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


# The same for codecs: the comparison of random cases with Java must notice each.


def codec(name: str, page: str | None = None):
    """A check of `differential_checks` in a few cases."""
    some = {"rows": 30, "vectors": 10, "indexes": 40, "containers": 20, "pages": 12}[name]

    def check(java, table, figures):
        place = table.parents[1] if name in ("rows", "indexes", "containers") else table
        what = getattr(differential_checks, name)
        first = [page] if page else []
        return what(*first, java, place, 7, some, figures)

    check.__name__ = "_".join(filter(None, (name, page)))
    return check


def without_place(_):
    return lambda self, offset: (bytes(8), b"")


def changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Every entry of a page changed before it is encoded."""

    def wrong(encode):
        return lambda entries, shape: encode([change(e) for e in entries], shape)

    return wrong


def plain_utf(_):
    return lambda text: len(text.encode()).to_bytes(2, "big") + text.encode()


F = "tablestore.format."
CODEC_MISTAKES = {
    "no place for a null timestamp": (F + "binary_slots:NanosSlot.encode_null", without_place),
    "no place for a null decimal": (F + "binary_slots:BigDecimalSlot.encode_null", without_place),
    "nanoseconds not read": (
        F + "binary_slots:NanosSlot.decode",
        lambda decode: lambda *args: decode(*args)._replace(nanos_of_milli=0),
    ),
    "arrays padded by their elements": (
        F + "binary_row:_align_up",
        lambda _: lambda length: length // 8 * 8 + 8,
    ),
    "buckets of negative hashes": (F + "bucket:bucket_ids", buckets_off),
    "hive hashes of negative decimals": (
        "tablestore.kernels.hive:_absolute",
        lambda _: lambda low, high, negative: (low, high),
    ),
    "lengths of wide decimals": (
        F + "key_columns:_shortest_length",
        lambda lengths: lambda low, high: lengths(low, high) + (high > 0).astype("uint64"),
    ),
}
VECTOR_MISTAKES = {
    "last position lost": (
        F + "deletion_vector:encode_bitmap",
        lambda encode: lambda rows: encode(rows[:-1]),
    ),
    "high halves not read": (
        F + "deletion_vector:_v2_positions",
        lambda read: lambda *args: (lambda rows, at: (rows & 0xFFFFFFFF, at))(*read(*args)),
    ),
}
INDEX_MISTAKES = {
    "numbers one too high": (
        F + "file_index_bsi:stored_numbers",
        lambda numbers: lambda *args: numbers(*args).astype("int64") + 1,
    ),
    "bits of the bloom filter": (
        F + "file_index_bloom:_places",
        lambda places: lambda hashes, functions, size: places(hashes + 1, functions, size),
    ),
    "null rows not known": (
        "tablestore.read.file_index:values_to_arrow",
        lambda read: lambda found, kind: read(replace(found, has_null=False), kind),
    ),
}
PAGE_MISTAKES = {
    "manifest": (
        F + "manifest:encode_container",
        changed(lambda e: replace(e, file=replace(e.file, extra_files=()))),
    ),
    "manifest-list": (
        F + "manifest_list:encode_container",
        changed(lambda m: replace(m, min_row_id=m.max_row_id)),
    ),
    "index-manifest": (
        F + "index_manifest:encode_container",
        changed(lambda e: replace(e, external_path=None)),
    ),
}
CODECS = {
    **{name: (*wrong, codec("rows")) for name, wrong in CODEC_MISTAKES.items()},
    **{name: (*wrong, codec("vectors")) for name, wrong in VECTOR_MISTAKES.items()},
    **{name: (*wrong, codec("indexes")) for name, wrong in INDEX_MISTAKES.items()},
    "names in plain UTF-8": (F + "file_index:_utf", plain_utf, codec("containers")),
    **{f"a field of a {p}": (*wrong, codec("pages", p)) for p, wrong in PAGE_MISTAKES.items()},
    "row ids of a manifest's line": (
        F + "manifest_list:_row_ids",
        lambda _: lambda entries: (None, None),
        codec("pages", "manifest"),
    ),
}


@pytest.fixture(scope="module")
def java_table(java, tmp_path_factory):
    return differential_checks.make_table(java, tmp_path_factory.mktemp("codecs"))


@pytest.mark.parametrize("name", CODECS)
def test_a_mistake_in_a_codec_is_noticed(name, java, java_table, monkeypatch, figures):
    target, wrong, check = CODECS[name]
    with monkeypatch.context() as patched:
        patch(patched, Mistake(target, wrong, keyed, check))
        assert check(java, java_table, Counter()), f"{check.__name__} does not notice it"
    figures["seeded mistakes in codecs"] += 1


CHECKS = {check.__name__: check for _, _, check in CODECS.values()}


@pytest.mark.parametrize("name", CHECKS)
def test_without_a_mistake_the_codecs_are_equal(name, java, java_table):
    assert not CHECKS[name](java, java_table, Counter())


JUDGED = sorted(
    {(m.shape, m.check) for m in MISTAKES.values()}, key=lambda x: [f.__name__ for f in x]
)


@pytest.mark.parametrize(("shape", "check"), JUDGED, ids=lambda f: f.__name__)
def test_without_a_mistake_the_same_judge_is_green(shape, check, java, ours, tmp_path):
    write_shape(ours, tmp_path, shape())
    assert not check(java, tmp_path, shape())
