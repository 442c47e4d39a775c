"""Random cases through the real Java classes and through our codecs; every check gives what
differs, one sentence each, and nothing where both agree."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import UnsupportedFormatError
from tablestore.format import (
    binary_row,
    bucket,
    deletion_vector,
    file_index,
    file_index_bitmap,
    file_index_bloom,
    file_index_bsi,
    file_index_range,
    manifest_list,
)
from tablestore.format.index_manifest import DeletionVectorRange
from tablestore.format.manifest import EMPTY_ROW, EMPTY_STATS, DataFileMeta
from tablestore.format.schema import TableSchema
from tablestore.options.units import parse_bytes
from tablestore.predicate.bind import bind
from tablestore.predicate.evaluate import mask
from tablestore.predicate.nodes import Predicate, col
from tablestore.read.file_index import FileIndexTest
from tablestore.types.arrow import to_arrow
from tablestore.types.model import DataField
from tests.support import differential as d
from tests.support.differential_pages import PAGES, PARTITION_TYPES, json_entry
from tests.support.murmur import murmur_bytes

BUCKETS = np.arange(1, 129)
NO_HIVE = ("TIMESTAMP", "TIMESTAMP_LTZ")
ROWS = 50  # of one schema
Case = dict[str, Any]


def make_table(java: Any, warehouse: Path) -> Path:
    """The folder of a table of Java's, partitioned by an INT and a STRING."""
    columns = [("k", "INT NOT NULL"), ("p", "INT NOT NULL"), ("q", "STRING NOT NULL")]
    java.create(
        warehouse,
        name="db.t",
        columns=columns,
        primary_key=["p", "q", "k"],
        partition_by=["p", "q"],
        options={"bucket": "1"},
    )
    folder = Path(warehouse) / "db.db" / "t"
    for name in ("index", "manifest"):
        (folder / name).mkdir(exist_ok=True)
    return folder


# Rows and buckets


def rows(java: Any, warehouse: Path, seed: int, schemas: int, figures: Counter[str]) -> list[str]:
    """BinaryRow bytes, their hash and their values; buckets of whole columns, 1 to 128."""
    r = Random(seed)
    cases = [_row_case(r) for _ in range(schemas)]
    said = []
    for case, found in zip(cases, java.rows(warehouse, name="", cases=cases), strict=True):
        differ = _rows_differ(case, found) + _columns_differ(r, case, found)
        said += [f"{case['types']}: {s}" for s in differ]
        figures["differential rows"] += ROWS
        figures["differential rows: buckets"] += len(case["functions"]) * ROWS * len(BUCKETS)
    return said


def _row_case(r: Random) -> Case:
    width = r.choice([1, 1, 2, 3, 4, 5, 6, 8, r.randint(55, 70)])
    types = [d.any_type(r) for _ in range(width)]
    keyable = [i for i, t in enumerate(types) if isinstance(t, str)]
    key = r.sample(keyable, min(len(keyable), r.randint(1, 4)))  # in any order
    nulls = r.choice([0, 0.15, 0.6])
    values = [[d.any_value(r, t, nulls) for t in types] for _ in range(ROWS)]
    return {"types": types, "rows": values, "key": key, "functions": _functions(types, key)}


def _functions(types: list[Any], key: list[int]) -> list[str]:
    """The bucket functions that Java has for such a key."""
    kinds = [d.base(types[i])[0] for i in key]
    if not kinds:
        return []
    found = ["default"]
    if len(kinds) == 1 and kinds[0] in ("INT", "BIGINT"):
        found.append("mod")
    if not any(k in NO_HIVE for k in kinds):
        found.append("hive")
    return found


def _rows_differ(case: Case, found: Case) -> list[str]:
    names = case["types"]
    types = [d.our_type(t) for t in names]
    said = []
    for values, theirs, hashed in zip(case["rows"], found["bytes"], found["hashes"], strict=True):
        data = bytes.fromhex(theirs)
        plain = [d.ours_of(v, t) for v, t in zip(values, names, strict=True)]
        ours = binary_row.encode_row(plain, types)
        if ours != data:
            said.append(f"{values}: our bytes {ours.hex()}, Java's {theirs}")
        if murmur_bytes(data[4:]) != hashed:
            said.append(f"{values}: our hash {murmur_bytes(data[4:])}, Java's {hashed}")
        decoded = binary_row.decode_row(data, types)
        read = [d.json_of(v, t) for v, t in zip(decoded, names, strict=True)]
        if read != values:
            said.append(f"{values}: we read {read}")
    return said


def _columns_differ(r: Random, case: Case, found: Case) -> list[str]:
    """What the write path makes of whole columns."""
    names = case["types"]
    types = [d.our_type(t) for t in names]

    def column(i: int) -> pa.Array:
        return d.arrow_column(r, [row[i] for row in case["rows"]], names[i])

    said = []
    if all(isinstance(t, str) for t in names):
        hashes = bucket.row_hashes([column(i) for i in range(len(names))], types)
        if hashes.tolist() != found["hashes"]:
            said.append(f"row hashes {hashes.tolist()}, Java's {found['hashes']}")
    for function, packed in found["buckets"].items():
        theirs = np.stack([np.frombuffer(d.unpacked(x), dtype="<i4") for x in packed])
        columns, kinds = [column(i) for i in case["key"]], [types[i] for i in case["key"]]
        every = [bucket.bucket_ids(columns, kinds, function, int(n)) for n in BUCKETS]
        for row in np.flatnonzero((np.stack(every, axis=1) != theirs).any(axis=1)).tolist():
            values = [case["rows"][row][i] for i in case["key"]]
            said.append(f"{function} buckets of {values} as {[k.sql() for k in kinds]}")
    return said


# Deletion vectors


def vectors(java: Any, table: Path, seed: int, files: int, figures: Counter[str]) -> list[str]:
    """Index files with several vectors: bytes, places, and what each side reads of the other's."""
    r = Random(seed)
    cases = [_vector_file(r, table, i) for i in range(files)]
    found = java.vectors(table.parents[1], name="db.t", files=cases)
    said = []
    for i, (case, theirs) in enumerate(zip(cases, found, strict=True)):
        differ = _vectors_differ(table, case, theirs)
        said += [f"file {i}, bitmap64 {case['bitmap64']}: {s}" for s in differ]
        figures[f"differential deletion vectors V{1 + case['bitmap64']}"] += len(case["ranges"])
    return said


def _vector_file(r: Random, table: Path, number: int) -> Case:
    """An index file of ours, and the same positions for Java."""
    bitmap64 = r.random() < 0.5
    chosen = {
        f"data-{i}.parquet": d.positions(r, bitmap64=bitmap64) for i in range(r.randint(1, 13))
    }
    data, ranges = deletion_vector.encode_index_file(chosen, bitmap64=bitmap64)
    (table / "index" / f"ours-{number}").write_bytes(data)
    return {
        "bitmap64": bitmap64,
        "vectors": {k: d.packed(v.astype("<i8").tobytes()) for k, v in chosen.items()},
        "file": f"ours-{number}",
        "ranges": [[x.data_file, x.offset, x.length, x.cardinality] for x in ranges],
    }


def _vectors_differ(table: Path, case: Case, theirs: Case) -> list[str]:
    said = []
    if theirs["read"] != case["vectors"]:
        said.append("Java reads other positions from ours")
    data = (table / "index" / theirs["file"]).read_bytes()
    ranges = [DeletionVectorRange(*x) for x in theirs["ranges"]]
    read = deletion_vector.decode_index_file(data, ranges)
    if {k: d.packed(v.astype("<i8").tobytes()) for k, v in read.items()} != case["vectors"]:
        said.append("we read other positions from Java's")
    if theirs["ranges"] != case["ranges"]:
        said.append(f"our places {case['ranges']}, Java's {theirs['ranges']}")
    if data != (table / "index" / case["file"]).read_bytes():
        said.append("our bytes are not those of Java")
    return said


# File indexes


def indexes(java: Any, warehouse: Path, seed: int, count: int, figures: Counter[str]) -> list[str]:
    """Bytes of the indexes, and what each side answers by its own and by the other's."""
    r = Random(seed)
    cases = [d.index_case(r) for _ in range(count)]
    for case in cases:
        column = d.arrow_column(r, case["values"], case["type"])
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        case["ours"] = _our_container(case, column)
    said = []
    answers = java.indexes(warehouse, name="", cases=cases)
    for i, (case, found) in enumerate(zip(cases, answers, strict=True)):
        where = f"index {i}, {case['kind']} {case['options']} of {case['type']}"
        said += [f"{where}: {s}" for s in _index_differs(case, found)]
        figures[f"differential file indexes: {case['kind']}"] += 1
        figures["differential file indexes: filters"] += len(case["filters"])
    return said


def _our_container(case: Case, column: pa.Array) -> str | None:
    """Our index of the column as Java is asked for it; None where we write none."""
    try:
        body = _our_index(case, column)
    except UnsupportedFormatError:
        return None
    return d.packed(file_index.encode_file_index({"c0": {case["kind"]: body}}))


def _our_index(case: Case, column: pa.Array) -> bytes:
    kind, options = d.our_type(case["type"]), case["options"]
    if case["kind"] == "bloom-filter":
        items, fpp = int(options["items"]), float(options["fpp"])
        return file_index_bloom.encode_bloom(column, kind, items=items, fpp=fpp)
    if case["kind"] == "bitmap":
        size, version = (
            parse_bytes(options.get("index-block-size", "16 kb")),
            int(options["version"]),
        )
        encode = file_index_bitmap.encode_bitmap_index
        return encode(column, kind, version=version, block_bytes=size)
    if case["kind"] == "bsi":
        return file_index_bsi.encode_bsi(column, kind)
    chunk = parse_bytes(options["chunk-size"]) if options else None
    return file_index_range.encode_range_bitmap(column, kind, chunk_bytes=chunk)


def _index_differs(case: Case, found: Case) -> list[str]:
    theirs = d.unpacked(found["java"])
    said = _answers_differ(case, theirs, found["rows"], found["by_java"])
    if case["ours"] is None:
        return said
    ours = d.unpacked(case["ours"])
    if ours != theirs:
        if not _only_reordered(case, ours, theirs):
            said.append("our bytes are not those of Java")
        said += _answers_differ(case, ours, found["rows"], found["by_ours"])
    if found["by_ours"] != found["by_java"]:
        said.append("Java answers otherwise by ours")
    return said


def _only_reordered(case: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether two bitmap indexes say the same in another order: Java's is that of a hash map, which
    we imitate but for bins of eight keys and more (the special floats can make one)."""
    if case["kind"] != "bitmap" or d.base(case["type"])[0] not in ("FLOAT", "DOUBLE"):
        return False
    return len(ours) == len(theirs) and _bitmaps(case, ours) == _bitmaps(case, theirs)


def _bitmaps(case: Case, container: bytes) -> tuple[int, dict[bytes, list[int]], list[int]]:
    body = file_index.decode_file_index(container)["c0"]["bitmap"]
    index = file_index_bitmap.decode_bitmap_index(body, d.our_type(case["type"]))
    every = {v.tobytes(): index.rows_of(i).tolist() for i, v in enumerate(index.values)}
    return index.rows, every, index.null_rows().tolist()


def _answers_differ(
    case: Case, container: bytes, every: list[list[int]], answers: list[Any]
) -> list[str]:
    """What is wrong with both sides' answers by one container."""
    kind = to_arrow(d.our_type(case["type"]))
    values = [d.arrow_units(v, case["type"]) for v in case["values"]]
    batch = pa.record_batch({"c0": pa.array(values, kind)})
    said = []
    for (op, literals), right, java in zip(case["filters"], every, answers, strict=True):
        predicate = _our_filter(case, op, literals)
        wanted = bool(pc.any(mask(predicate, batch)).as_py())
        ours = _may_match(case, predicate, container)
        if (wanted and not ours) or (_is_exact(case) and ours != wanted):
            said.append(f"{op} {literals}: we say {ours}, the rows {wanted}")
        lost = set(right) - set(range(len(batch)) if java is None else java or ())
        if lost and not _java_loses(case, op):
            said.append(f"{op} {literals}: Java says {java}, the rows {right}")
    return said


def _our_filter(case: Case, op: str, literals: list[Any]) -> Predicate:
    kind = to_arrow(d.our_type(case["type"]))
    values = [pa.scalar(d.arrow_units(v, case["type"]), kind) for v in literals]
    column = col("c0")
    made = {
        "=": lambda: column == values[0],
        "<>": lambda: column != values[0],
        "<": lambda: column < values[0],
        "<=": lambda: column <= values[0],
        ">": lambda: column > values[0],
        ">=": lambda: column >= values[0],
        "in": lambda: column.isin(values),
        "between": lambda: column.between(values[0], values[1]),
        "is null": column.is_null,
        "is not null": column.is_not_null,
    }
    return bind(made[op](), pa.schema([("c0", kind)]))


def _may_match(case: Case, predicate: Predicate, container: bytes) -> bool:
    """Whether our reader would open the file that has this container in its manifest entry."""
    field = DataField(0, "c0", d.our_type(case["type"]))
    meta = DataFileMeta(
        "f", 1, 1, EMPTY_ROW, EMPTY_ROW, EMPTY_STATS, EMPTY_STATS, 0, 0, 0, 0,
        embedded_index=container,
    )  # fmt: skip
    return FileIndexTest(predicate, [field]).embedded(meta, TableSchema(0, (field,), 0))


def _is_finer(case: Case) -> bool:
    name, args = d.base(case["type"])
    return name.startswith("TIMESTAMP") and (args or [6])[0] > 6


def _is_exact(case: Case) -> bool:
    """Whether the index names every value just as it is."""
    return case["kind"] != "bloom-filter" and not _is_finer(case)


def _java_loses(case: Case, op: str) -> bool:
    """Where Java's reader itself loses rows, by its own index too: values are cut to microseconds;
    and 2.0.0 takes the first and the last row of a range-bitmap of nulls for all of them."""
    nulls = case["kind"] == "range-bitmap" and op == "is null"
    return _is_finer(case) or (nulls and not any(v is not None for v in case["values"]))


def containers(
    java: Any, warehouse: Path, seed: int, count: int, figures: Counter[str]
) -> list[str]:
    """Containers of several columns and kinds, empty indexes among them."""
    r = Random(seed)
    made = [_bodies(r) for _ in range(count)]
    asked = [
        {
            c: {k: None if b is None else d.packed(b) for k, b in kinds.items()}
            for c, kinds in m.items()
        }
        for m in made
    ]
    said = []
    for i, (bodies, text) in enumerate(
        zip(made, java.containers(warehouse, name="", several=asked), strict=True)
    ):
        theirs = d.unpacked(text)
        if file_index.decode_file_index(theirs) != bodies:
            said.append(f"container {i}: we read other indexes from Java's")
        if file_index.encode_file_index(bodies) != theirs:
            said.append(f"container {i}: our bytes are not those of Java")
    figures["differential file indexes: containers"] += count
    return said


def _bodies(r: Random) -> dict[str, dict[str, bytes | None]]:
    columns = {f"{d.text(r, 60)}{i}" for i in range(r.randint(0, 4))}
    return {
        column: {
            kind: r.choice([None, b"", r.randbytes(r.randrange(300))])
            for kind in r.sample(list(d.WITHOUT), r.randint(0, 4))
        }
        for column in sorted(columns)
    }


# Manifests, manifest lists, index manifests


def pages(
    page: str, java: Any, table: Path, seed: int, count: int, figures: Counter[str]
) -> list[str]:
    """Entries that Java wrote as we read them, and the other way round; a manifest's line in the
    list."""
    r = Random(seed)
    version, make, encode, decode = PAGES[page]
    where = {"warehouse": table.parents[1], "name": "db.t"}
    types = java.page_types(**where, page=page)
    lines = java.page_types(**where, page="manifest-list")
    made = [[make(r) for _ in range(r.choice([1, 1, 2, 3, 12]))] for _ in range(count)]
    wanted = [[json_entry(entry, version, types) for entry in entries] for entries in made]
    said = []
    files = [f"ours-{uuid.uuid4()}" for _ in made]  # Java's cache knows files by their names
    written = java.write_pages(**where, page=page, pages=wanted)
    for i, (entries, want, (name, line)) in enumerate(zip(made, wanted, written, strict=True)):
        data = (table / "manifest" / name).read_bytes()
        read = [json_entry(entry, version, types) for entry in decode(data, name)]
        said.append(first_difference(read, want, f"{page} {i}, we from Java"))
        if line is not None:
            ours = manifest_list.summarize(entries, PARTITION_TYPES, name, len(data), 0)
            said.append(first_difference(json_entry(ours, 2, lines), line, f"the line of {i}"))
        (table / "manifest" / files[i]).write_bytes(encode(entries))
    for i, read in enumerate(java.read_pages(**where, page=page, files=files)):
        if page == "manifest":  # Java's cache groups them by partition and bucket
            read, wanted[i] = sorted(read, key=json.dumps), sorted(wanted[i], key=json.dumps)
        said.append(first_difference(read, wanted[i], f"{page} {i}, Java from ours"))
    figures[f"differential {page}s"] += count
    figures[f"differential {page}s: entries"] += sum(map(len, made))
    return [s for s in said if s]


def first_difference(found: Any, wanted: Any, path: str) -> str:
    """Where two nested lists differ first, and how."""
    if found == wanted:
        return ""
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for i, (one, other) in enumerate(zip(found, wanted, strict=True)):
            if said := first_difference(one, other, f"{path}/{i}"):
                return said
    return f"{path}: found {str(found)[:200]}, wanted {str(wanted)[:200]}"
