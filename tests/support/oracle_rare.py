"""Tables that histories do not make: buckets that are not fixed, rows with ids, deletion vectors of append tables, types and layouts of few.

Each function makes one table with Java (`p`) under a name.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable
from random import Random

import jpype

KEYED = [("k", "INT NOT NULL"), ("v", "STRING")]
PLAIN = [("k", "INT"), ("v", "STRING")]
PARTS = [("p", "STRING NOT NULL"), ("k", "INT NOT NULL"), ("v", "STRING")]
TRACKED = {"bucket": "-1", "row-tracking.enabled": "true"}
EVOLVING = TRACKED | {"data-evolution.enabled": "true"}


def dynamic_bucket(p, name):
    """A primary key and bucket = -1: the writer says the bucket; a partition's keys stay in it."""
    options = {"bucket": "-1", "dynamic-bucket.target-row-num": "3"}
    p.create(name, PARTS, ["p", "k"], ["p"], options)
    r = Random(name)
    for _ in range(5):
        rows = [[r.choice("ab"), r.randrange(12), r.choice("xyz")] for _ in range(8)]
        _write_to(p, name, rows, [row[1] % 3 for row in rows], [r.choice(["+I", "+U", "-D"]) for _ in rows])  # noqa: E501 # fmt: skip
    p.write(name, compact="full")
    _write_to(p, name, [["a", 1, "new"], ["c", 99, "first"]], [1, 0], ["+U", "+I"])


def cross_partition(p, name):
    """A primary key without the partition column: a key that moves is deleted where it was."""
    p.create(name, PARTS, ["k"], ["p"], {"bucket": "-1"})
    _write_to(p, name, [["a", 1, "x"], ["a", 2, "y"], ["b", 3, "z"]], [0, 1, 0], ["+I"] * 3)
    _write_to(p, name, [["a", 1, "x"], ["b", 1, "moved"]], [0, 0], ["-D", "+I"])
    p.write(name, compact="full")


def postponed(p, name):
    """Bucket = -2: rows that wait, rows in real buckets, and later rows that wait."""
    p.create(name, PARTS, ["p", "k"], ["p"], {"bucket": "-2"})
    p.write(name, [["a", 1, "waits"], ["b", 2, "waits"]], ["+I", "-D"])
    _write_fixed(p, name, [["a", i, f"real {i}"] for i in range(9)], 2)
    _write_fixed(p, name, [["a", 3, "again"], ["b", 7, "other partition"]], 2)
    p.write(name, [["a", 3, "waits"], ["c", 1, "waits"]])
    p.evolve(name, "add", "w", "BIGINT")
    p.write(name, [["a", 4, "waits", 1]])


def row_tracking(p, name):
    """Rows with ids: appended, compacted into files that hold the ids, evolved, overwritten."""
    p.create(name, PLAIN, options=TRACKED)
    for i in range(3):
        p.write(name, [[10 * i + j, f"v{j}"] for j in range(4)])
    p.compact_append(name)
    p.write(name, [[99, None]])
    p.evolve(name, "add", "w", "BIGINT")
    p.evolve(name, "rename", "v", "u")
    p.write(name, [[100, "with w", 7]])
    p.compact_append(name)
    p.write(name, [[1, "over", None]], overwrite={})


def append_deletes(p, name, bitmap64: str = "false"):
    """Rows of an append table deleted by vectors, twice in one file, then compacted away."""
    options = {"bucket": "-1", "deletion-vectors.enabled": "true"}
    p.create(name, PLAIN, options=options | {"deletion-vectors.bitmap64": bitmap64})
    for i in range(3):
        p.write(name, [[10 * i + j, f"v{j}"] for j in range(6)])
    _delete_at(p, name, [0, 3])
    _delete_at(p, name, [3, 5])
    p.write(name, [[77, "later"]])
    p.compact_append(name)


def data_evolution(p, name):
    p.create(name, PLAIN, options=EVOLVING)
    p.write(name, [[1, "a"], [2, "b"]])


def blob(p, name):
    p.create(name, [("k", "INT"), ("b", "BLOB")], options=EVOLVING)
    _write_objects(p, name, [[1, p.P.data.Blob.fromData(_bytes(b"picture"))]])


def variant(p, name):
    p.create(name, [("k", "INT"), ("v", "VARIANT")], options={"bucket": "-1"})
    value = p.P.data.variant.GenericVariant.fromJson('{"a": 1}')
    _write_objects(p, name, [[1, value]])


def vector(p, name):
    kind = {"type": "VECTOR", "element": "FLOAT", "length": 3}
    p.create(name, [("k", "INT"), ("e", kind)], options={"bucket": "-1"})
    value = p.P.data.BinaryVector.fromPrimitiveArray(jpype.JArray(jpype.JFloat)([1.0, 2.0, 3.0]))
    _write_objects(p, name, [[1, value]])


READ: dict[str, Callable] = {
    "dynamic_bucket": dynamic_bucket,
    "cross_partition": cross_partition,
    "postponed": postponed,
    "row_tracking": row_tracking,
    "append_deletes": append_deletes,
    "append_deletes_64": lambda p, name: append_deletes(p, name, "true"),
}
REFUSED: dict[str, Callable] = {
    "data_evolution": data_evolution,
    "blob": blob,
    "variant": variant,
    "vector": vector,
}


def make(p, name: str, what: str):
    """Make one of the tables; those that can be read come with their rows at every snapshot."""
    (READ | REFUSED)[what](p, name)
    return p.expected(name) if what in READ else len(p.snapshots(name))


def _bytes(value: bytes):
    return jpype.JArray(jpype.JByte)(list(value))


def _list(items):
    return jpype.java.util.ArrayList(list(items))


def _commit(p, t, fill):
    """One commit of what `fill` writes with a writer of a table."""
    builder = t.newBatchWriteBuilder()
    writer, commit = builder.newWrite(), builder.newCommit()
    try:
        writer.withIOManager(p.io())
        fill(writer)
        commit.commit(writer.prepareCommit())
    finally:
        writer.close()
        commit.close()


def _write_to(p, name, rows, buckets, kinds):
    t = p.table(name)
    types = [x for _, x in p.types(t)]

    def fill(writer):
        for row, bucket, kind in zip(rows, buckets, kinds, strict=True):
            writer.write(p.V.row(row, types, kind), bucket)

    _commit(p, t, fill)


def _write_fixed(p, name, rows, buckets):
    """Into real buckets, as the compaction of postponed rows does."""
    t = p.table(name)
    options = jpype.java.util.HashMap(t.schema().options())
    options.put("bucket", str(buckets))
    fixed = t.copy(t.schema().copy(options))
    types = [x for _, x in p.types(t)]
    _commit(p, fixed, lambda writer: [writer.write(p.V.row(row, types)) for row in rows])


def _write_objects(p, name, rows):
    """Rows of which only INT columns are plain values."""
    t = p.table(name)

    def fill(writer):
        for values in rows:
            row = p.P.data.GenericRow(len(values))
            for i, value in enumerate(values):
                row.setField(i, jpype.java.lang.Integer(value) if isinstance(value, int) else value)
            writer.write(row)

    _commit(p, t, fill)


def _delete_at(p, name, positions):
    """Mark rows of the first data file as deleted, as an engine's DELETE does."""
    t = p.table(name)
    (split, *_) = t.newSnapshotReader().read().dataSplits()
    first = min((f for f in split.dataFiles()), key=lambda f: int(f.minSequenceNumber()))
    of = p.P.deletionvectors.append.BaseAppendDeleteFileMaintainer
    handler = t.store().newIndexFileHandler()
    latest = t.snapshotManager().latestSnapshot()
    maintainer = of.forUnawareAppend(handler, latest, split.partition())
    wide = t.options().get("deletion-vectors.bitmap64") == "true"
    kinds = p.P.deletionvectors
    dv = kinds.Bitmap64DeletionVector() if wide else kinds.BitmapDeletionVector()
    for position in positions:
        dv.delete(position)
    maintainer.notifyNewDeletionVector(first.fileName(), dv)
    new, gone = [], []
    for entry in maintainer.persist():
        (new if str(entry.kind()) == "ADD" else gone).append(entry.indexFile())
    none = _list([])
    data = p.P.io.DataIncrement(none, none, none, _list(new), _list(gone))
    compact = p.P.io.CompactIncrement.emptyIncrement()
    message = p.P.table.sink.CommitMessageImpl(
        split.partition(), 0, jpype.java.lang.Integer(-1), data, compact
    )
    commit = t.newBatchWriteBuilder().newCommit()
    commit.commit(_list([message]))
    commit.close()
