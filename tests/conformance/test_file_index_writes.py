"""Tables with file indexes that Java made and we write: same bytes, same files left out."""

from __future__ import annotations

import random

import pytest

import tablestore as ts
from tests.support.builders import live_entries
from tests.support.oracle_arrow import arrow_table
from tests.support.oracle_values import sql_type
from tests.support.peers_line import PeerError, Worker

COLUMNS = [
    ("id", "BIGINT NOT NULL"),
    ("flag", "BOOLEAN"),
    ("tiny", "TINYINT"),
    ("small", "SMALLINT"),
    ("n", "INT"),
    ("big", "BIGINT"),
    ("f", "FLOAT"),
    ("d", "DOUBLE"),
    ("day", "DATE"),
    ("clock", "TIME(3)"),
    ("ts3", "TIMESTAMP(3)"),
    ("ts6", "TIMESTAMP(6)"),
    ("ts9", "TIMESTAMP(9)"),
    ("ltz", "TIMESTAMP(6) WITH LOCAL TIME ZONE"),
    ("price", "DECIMAL(10, 2)"),
    ("s", "STRING"),
    ("c", "CHAR(4)"),
    ("b", "BYTES"),
    ("m", {"type": "MAP", "key": "STRING", "value": "INT"}),
]
NAMES = [name for name, _ in COLUMNS]
NUMBERS = ["id", "tiny", "small", "n", "big", "day", "clock", "ts3", "ts6", "ltz"]
MAPS = ["m[a]", "m[key 7]"]
BITMAP = ["flag", *NUMBERS, "f", "d", "s", "c", *MAPS]
RANGE = ["price", *BITMAP]
BLOOM = [*NUMBERS, "ts9", "f", "d", "s", "c", "b", *MAPS]
OPTIONS = {
    "file-index.bitmap.columns": ",".join(BITMAP),
    "file-index.bsi.columns": ",".join(["price", *NUMBERS, *MAPS]),
    "file-index.range-bitmap.columns": ", ".join(RANGE),
    "file-index.bloom-filter.columns": ",".join(BLOOM),
    **{f"file-index.bloom-filter.{name}.items": "500" for name in BLOOM if name not in MAPS},
    "file-index.bloom-filter.m.items": "300",
    "file-index.bloom-filter.m[a].fpp": "0.02",
    "file-index.bitmap.s.version": "1",
    "file-index.bitmap.n.version": "1",
    "file-index.bitmap.big.index-block-size": "256 b",
    "file-index.range-bitmap.s.chunk-size": "200 b",
    "file-index.range-bitmap.big.chunk-size": "0 b",
}
SHAPES = {
    "parquet": ({"file.format": "parquet"}, ["id"]),
    "orc": ({"file.format": "orc", "file-index.in-manifest-threshold": "1 mb"}, ["id"]),
    "avro": ({"file.format": "avro"}, []),
    "append": ({"file-index.in-manifest-threshold": "1 mb"}, []),
    "bucketed": ({"bucket": "1", "bucket-key": "id"}, []),
}


def value(name, kind, spread, dice):
    whole = dice.randrange(-spread, spread)
    many = {
        "flag": lambda: whole > 0,
        "tiny": lambda: max(-128, min(127, whole)),
        "f": lambda: dice.choice([whole / 4, -0.0, 0.0, "NaN", "Infinity"]),
        "d": lambda: dice.choice([whole / 4, -0.0, 0.0, "NaN", "-Infinity", 1e300]),
        "big": lambda: whole * 10**12,
        "day": lambda: whole,
        "clock": lambda: abs(whole),
        "price": lambda: f"{whole / 4:.2f}",
        "s": lambda: dice.choice(["", "ü€", "x" * 70, f"text {whole}", f"{whole}"]),
        "c": lambda: f"{abs(whole) % 1000}",
        "b": lambda: (b"\x00\xff" + str(whole).encode()).hex(),
        "m": lambda: [["a", whole], [f"key {abs(whole) % 10}", None if whole % 3 else whole]],
    }
    if name.startswith(("ts", "ltz")):
        nanos = {"ts3": 0, "ts6": 123_000, "ltz": 7_000, "ts9": 123_456}[name]
        return [abs(whole) * 1001, nanos * (whole % 2)]  # ORC keeps no micros before 1970
    return many.get(name, lambda: whole)()


def rows_of(count, spread, seed):
    dice = random.Random(seed)
    return [
        [
            number
            if name == "id"
            else None
            if dice.random() < 0.1
            else value(name, kind, spread, dice)
            for name, kind in COLUMNS
        ]
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def judge(peers, java):
    """One more operation than the session's Java has; skips and fails with it."""
    peers.need(java.version)
    jars = ":".join(map(str, peers.classpaths[java.version]))
    worker = Worker(peers.pythons["jpype"], "tests.support.oracle_index_worker", jars)
    yield worker
    worker.close()


def containers(root, table):
    """The index container of each live file, by its lowest sequence number or name."""
    found = []
    for entry in live_entries(table):
        meta = entry.file
        if meta.embedded_index is not None:
            assert not meta.extra_files
            found.append((meta, meta.embedded_index))
        else:
            assert meta.extra_files == (meta.file_name + ".index",)
            (path,) = root.rglob(meta.extra_files[0])
            found.append((meta, without_checksum(path.read_bytes())))
    return found


def without_checksum(data):
    """The container of an index file; ours have a checksum of 20 bytes behind it."""
    return data[:-20] if data[-20:-4] == b"tablestore.crc32" else data


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("count", "spread"), [(40, 5), (700, 400)], ids=["few", "many"])
def test_our_files_of_a_java_table_get_the_indexes_that_java_gives_them(
    tmp_path, judge, figures, shape, count, spread
):
    options, key = SHAPES[shape]
    rows = rows_of(count, spread, count)
    made = {**OPTIONS, **options, "write-only": "true", **({"bucket": "1"} if key else {})}
    columns = [(n, k) for n, k in COLUMNS if options.get("file.format") != "avro" or n != "ts9"]
    if len(columns) < len(COLUMNS):  # Avro files of Java have no nanoseconds
        at = NAMES.index("ts9")
        rows = [row[:at] + row[at + 1 :] for row in rows]
        made = {k: v.replace("ts9,", "") for k, v in made.items() if ".ts9." not in k}
    where = {"warehouse": str(tmp_path), "name": "db.t"}
    judge.call("create", columns=columns, primary_key=key, options=made, **where)
    judge.call("write", rows=rows, **where)
    table = ts.connect(str(tmp_path)).table("db.t")
    (javas,) = containers(tmp_path, table)
    (table.upsert if key else table.append)(arrow_table(rows, columns))
    ours = [found for found in containers(tmp_path, table) if found[0] != javas[0]]
    assert len(ours) == 1
    assert ours[0][1] == javas[1]
    figures["index containers equal to Java's"] += 1
    report = table.verify()
    assert report.ok
    assert not report.skipped


FILTERED = [
    *[(name, op, 3) for name in ("n", "big", "tiny") for op in ("=", "<>", "<", ">=")],
    *[("s", op, "text 3") for op in ("=", "<>", "<", ">")],
    *[("d", op, 0.5) for op in ("=", "<", ">=")],
    ("price", "=", "0.75"),
    ("price", "<=", "0.75"),
    ("day", "between", 2),
    ("ts6", "=", [3003, 123000]),
    ("ltz", "in", [3003, 7000]),
    ("c", "in", "3"),
    ("b", "=", "00ff33"),
    ("flag", "=", True),
    *[(name, "is null", None) for name in ("n", "s", "d", "flag", "price")],
    *[(name, "is not null", None) for name in ("n", "s", "d", "flag", "price")],
]


@pytest.mark.parametrize("shape", SHAPES)
def test_java_loses_no_row_by_our_indexes(tmp_path, judge, figures, shape):
    options, key = SHAPES[shape]
    columns = [(n, k) for n, k in COLUMNS if n != "ts9"]
    made = {k: v.replace("ts9,", "") for k, v in OPTIONS.items() if ".ts9." not in k}
    table = ts.connect(str(tmp_path)).create_table(
        "db.t",
        {n: sql_type(k) for n, k in columns},
        primary_key=key,
        options={**made, **options, "metadata.stats-mode": "none"},
    )
    rows = [[*row[: NAMES.index("ts9")], *row[NAMES.index("ts9") + 1 :]] for row in ROWS]
    (table.upsert if key else table.append)(arrow_table(rows, columns))
    assert containers(tmp_path, table)
    filters = [(n, op, LITERALS[op](v, n)) for n, op, v in FILTERED]
    where = {"warehouse": str(tmp_path), "name": "db.t"}
    found = judge.call("filters", filters=filters, row_id="id", **where)
    assert not found["lost"]
    assert not found["failed"]
    assert found["filters"] == len(FILTERED)
    figures["filters that Java asked our indexes"] += found["filters"]


ROWS = rows_of(200, 6, 8)
LITERALS = {
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), lambda v, name: [v]),
    "in": lambda v, name: [v, v],
    "between": lambda v, name: [v, v + 1],
    "is null": lambda v, name: [],
    "is not null": lambda v, name: [],
}
SPARSE = [
    ("bitmap", "n", 1, [0, 2, 4]),
    ("bsi", "n", 1, [0, 2, 4]),
    ("range-bitmap", "n", 1, [0, 2, 4]),
    ("bloom-filter", "n", 1, [0, 2, 4]),
    ("bitmap", "s", "b", ["a", "c"]),
    ("range-bitmap", "s", "b", ["a", "c"]),
    ("bloom-filter", "s", "b", ["a", "c"]),
]


@pytest.mark.parametrize("threshold", ["0 b", "1 mb"], ids=["beside", "embedded"])
def test_java_does_not_open_files_that_our_indexes_exclude(tmp_path, judge, figures, threshold):
    for kind, column, absent, values in SPARSE:
        name = f"db.{kind.replace('-', '_')}_{column}"
        table = ts.connect(str(tmp_path)).create_table(
            name,
            {"id": "BIGINT", "n": "INT", "s": "STRING"},
            options={
                f"file-index.{kind}.columns": column,
                "file-index.in-manifest-threshold": threshold,
                "metadata.stats-mode": "none",
            },
        )
        table.append([{"id": i, column: v} for i, v in enumerate(values)], missing="null")
        where = {"warehouse": str(tmp_path), "name": name, "row_id": "id"}
        there, gone = [column, "=", [values[0]]], [column, "=", [absent]]
        assert judge.call("filtered", filters=[there], **where)[0]
        (path,) = [p for p in tmp_path.rglob("*.parquet") if name[3:] in p.parts]
        path.unlink()
        assert judge.call("filtered", filters=[gone], **where) == [[]]
        with pytest.raises(PeerError):
            judge.call("filtered", filters=[there], **where)
        # nor do we
        assert table.to_arrow(where=f"{column} = {absent!r}").num_rows == 0
        figures["files that Java left out by our index"] += 1
