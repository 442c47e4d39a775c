"""Every vector of `format_spec` through the codecs; the bytes are those of other engines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tablestore import errors
from tablestore.format.binary_row import decode_row, encode_row, row_bytes
from tablestore.format.bucket import bucket_ids, row_hashes
from tablestore.format.consumer import decode_consumer, encode_consumer
from tablestore.format.deletion_vector import encode_index_file, encode_vector, read_vector
from tablestore.format.file_index import decode_file_index, encode_file_index
from tablestore.format.file_index_bitmap import decode_bitmap_index, encode_bitmap_index
from tablestore.format.file_index_bloom import decode_bloom, encode_bloom, value_hashes
from tablestore.format.file_index_bsi import decode_bsi, encode_bsi
from tablestore.format.file_index_range import decode_range_bitmap, encode_range_bitmap
from tablestore.format.hash_index import decode_hash_index, encode_hash_index
from tablestore.format.index_manifest import (
    DeletionVectorRange,
    decode_index_manifest,
    encode_index_manifest,
)
from tablestore.format.index_values import values_to_arrow as index_values_to_arrow
from tablestore.format.manifest import decode_manifest, encode_manifest
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list
from tablestore.format.partition import partition_path
from tablestore.format.paths import file_format
from tablestore.format.schema import decode_schema, encode_schema
from tablestore.format.snapshot import decode_snapshot, encode_snapshot
from tablestore.format.stats_mode import truncate_max, truncate_min
from tablestore.format.tag import decode_tag, encode_tag
from tablestore.format.values import values_to_arrow
from tablestore.types.arrow import to_arrow
from tablestore.types.parse import parse_type
from tests.support.murmur import murmur_bytes
from tests.support.vectors import Vector, all_vectors, value

ALL = all_vectors()
AVRO = {
    "manifest": (decode_manifest, encode_manifest),
    "manifest-list": (decode_manifest_list, encode_manifest_list),
    "index-manifest": (decode_index_manifest, encode_index_manifest),
}


def _snake(key: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in key)


def _types(case: dict[str, Any]) -> list[Any]:
    return [parse_type(text) for text in case["types"]]


def _tuples(found: Any) -> Any:
    """Records (dicts) and lists as tuples, the shape of our dataclasses."""
    if isinstance(found, dict):
        return tuple(_tuples(v) for v in found.values())
    return tuple(map(_tuples, found)) if isinstance(found, list) else found


def run_binary_row(vector: Vector) -> None:
    for case in vector.case["cases"]:
        types, values = _types(case), value(case["values"])
        if "prefix" in case:  # a long row: its head and its hash are enough
            assert encode_row(values, types).hex().startswith(case["prefix"])
            assert decode_row(encode_row(values, types), types) == tuple(values)
        else:
            assert decode_row(bytes.fromhex(case["bytes"]), types) == tuple(values), case["case"]
            if not vector.case.get("decode_only"):
                encoded = encode_row(values, types, kind=case.get("kind", 0))
                assert encoded.hex() == case["bytes"], case["case"]
        if "hash" in case:
            assert np.int32(murmur_bytes(row_bytes(values, types))) == case["hash"], case["case"]


def run_bucket(vector: Vector) -> None:
    for case in vector.case["cases"]:
        types, values = _types(case), value(case["values"])
        columns = [values_to_arrow([v], t) for v, t in zip(values, types, strict=True)]
        found = bucket_ids(columns, types, case["function"], case["buckets"])
        assert found.tolist() == [case["bucket"]], case["case"]
        if case["function"] == "default":
            hashed = int(row_hashes(columns, types)[0])
            assert abs(int(math.fmod(hashed, case["buckets"]))) == case["bucket"]


def run_truncate(vector: Vector) -> None:
    length = vector.case["length"]
    for case in vector.case["cases"]:
        text = value(case["value"])
        assert truncate_min(text, length) == value(case["min"])
        assert truncate_max(text, length) == value(case["max"])


def run_avro(vector: Vector) -> None:
    decode, encode = AVRO[vector.codec]
    found = decode(vector.input, "input")
    wanted = value(vector.case["records"])
    assert len(found) == len(wanted)
    for entry, record in zip(found, wanted, strict=True):
        assert _as_written(entry) == _by_name(record, entry)
    assert decode(encode(found), "again") == found


def _as_written(entry: Any) -> dict[str, Any]:
    """Our object as nested dicts by attribute, without what is null."""
    if hasattr(entry, "__slots__") and not isinstance(entry, tuple):
        found = {name: _as_written(getattr(entry, name)) for name in entry.__slots__}
        return {name: v for name, v in found.items() if v is not None}
    return tuple(map(_as_written, entry)) if isinstance(entry, tuple) else entry


NAMES = {  # Avro field -> our attribute, where it is not the name in lower case
    "_DELETIONS_VECTORS_RANGES": "dv_ranges",
    "_CREATION_TIME": "creation_time_ms",
    "_EMBEDDED_FILE_INDEX": "embedded_index",
    "f0": "data_file",
    "f1": "offset",
    "f2": "length",
}


def _by_name(record: Any, ours: Any) -> Any:
    """The record that fastavro read under our names; fields we do not know are left out."""
    if isinstance(record, list):
        return tuple(_by_name(r, ours[i]) for i, r in enumerate(record))
    if not isinstance(record, dict):
        return record
    out = {}
    for key, v in record.items():
        name = NAMES.get(key, key.lower().removeprefix("_"))
        if v is not None and name in ours.__slots__:
            out[name] = _by_name(v, getattr(ours, name))
    return out


def run_snapshot(vector: Vector) -> None:
    found = decode_snapshot(vector.input, name="input")
    wanted = {k: v for k, v in json.loads(vector.input).items() if v is not None and v != {}}
    for key, v in wanted.items():
        ours = getattr(found, _snake(key)) if hasattr(found, _snake(key)) else found.extra[key]
        assert ours == v, key
    again = json.loads(encode_snapshot(found))
    assert {k: v for k, v in again.items() if v is not None and v != {}} == wanted


def run_schema(vector: Vector) -> None:
    found = decode_schema(vector.input, "input")
    wanted = json.loads(vector.input)
    options = vector.case.get("options", wanted["options"])
    assert found.options == options
    assert [(f.id, f.name) for f in found.fields] == [
        (f["id"], f["name"]) for f in wanted["fields"]
    ]
    assert found.highest_field_id == wanted["highestFieldId"]
    assert list(found.primary_keys) == wanted["primaryKeys"]
    assert list(found.partition_keys) == wanted["partitionKeys"]
    assert found.comment == wanted.get("comment")
    assert decode_schema(encode_schema(found)) == found
    if "java" in vector.id and wanted.get("version") == 3:
        assert encode_schema(found) == vector.input


def run_partition_path(vector: Vector) -> None:
    case = vector.case
    types = _types(case)
    for each in case["cases"]:
        values = decode_row(bytes.fromhex(each["partition"]), types)
        path = partition_path(values, case["keys"], types, legacy=case["legacy"])
        assert path == each["path"]


def run_file_format(vector: Vector) -> None:
    for case in vector.case["cases"]:
        assert file_format(case["name"]) == case["format"]


def run_deletion_vector(vector: Vector) -> None:
    wide = vector.case["version"] == 2
    for case in vector.case["cases"]:
        data = bytes.fromhex(case.get("file", vector.case.get("file", "")))
        place = DeletionVectorRange("x", case["offset"], case["length"], case.get("cardinality"))
        positions = value(case["positions"])
        assert read_vector(data, place).tolist() == positions, case["case"]
        framed = encode_vector(positions, bitmap64=wide)
        assert framed == data[case["offset"] : case["offset"] + len(framed)], case["case"]
        if "file" in case:
            whole, ranges = encode_index_file({"x": positions}, bitmap64=wide)
            assert whole == data
            assert (ranges[0].offset, ranges[0].length) == (case["offset"], case["length"])


def run_hash_index(vector: Vector) -> None:
    data = bytes.fromhex(vector.case["file"])
    hashes = decode_hash_index(data)
    assert encode_hash_index(hashes) == data
    if "count" in vector.case:
        assert len(set(hashes.tolist())) == vector.case["count"]
    if "keys" in vector.case:
        kind = parse_type("INT")
        wanted = row_hashes([values_to_arrow(vector.case["keys"], kind)], [kind])
        assert sorted(hashes.tolist()) == sorted(wanted.tolist())


def run_tag(vector: Vector) -> None:
    found = decode_tag(vector.input, name="input")
    wanted = json.loads(vector.input)
    assert json.loads(encode_tag(found)).get("tagCreateTime") == wanted.get("tagCreateTime")
    assert found.snapshot.id == wanted["id"]
    assert found.snapshot.commit_user == wanted["commitUser"]


def run_consumer(vector: Vector) -> None:
    found = decode_consumer(vector.input, name="input")
    assert found.next_snapshot == vector.case["next_snapshot"]
    assert json.loads(encode_consumer(found)) == json.loads(vector.input)


def run_hashes(vector: Vector) -> None:
    for key, kind in (("wang64", "BIGINT"), ("xxh64", "STRING")):
        values = [v for v, _ in vector.case[key]]
        hashes = value_hashes(_column(values, kind), parse_type(kind)).view(np.uint64)
        assert [f"{h:016x}" for h in hashes] == [h for _, h in vector.case[key]]


def _column(values: list[Any], kind: str) -> Any:
    return pa.array(values, to_arrow(parse_type(kind)))


def run_bloom_filter(vector: Vector) -> None:
    case = vector.case
    for each in case["cases"]:
        kind, column = parse_type(each["type"]), _column(each["values"], each["type"])
        written = encode_bloom(column, kind, items=case["items"], fpp=case["fpp"])
        assert written.hex() == each["bytes"]
        assert decode_bloom(written).may_contain(value_hashes(column, kind)).all()


def run_bitmap(vector: Vector) -> None:
    for case in vector.case["cases"]:
        kind, values = parse_type(case["type"]), case["values"]
        data = bytes.fromhex(case["bytes"])
        version = case["version"]
        assert encode_bitmap_index(_column(values, case["type"]), kind, version=version) == data
        found = decode_bitmap_index(data, kind)
        assert found.rows == len(values)
        for place, v in enumerate(index_values_to_arrow(found.distinct, kind).drop_null()):
            rows = [i for i, w in enumerate(values) if w == v.as_py()]
            assert found.rows_of(place).tolist() == rows
        assert found.null_rows().tolist() == [i for i, w in enumerate(values) if w is None]


def run_bsi(vector: Vector) -> None:
    for case in vector.case["cases"]:
        kind, data = parse_type(case["type"]), bytes.fromhex(case["bytes"])
        found = decode_bsi(data)
        pairs = dict(zip(found.places.tolist(), found.numbers.tolist(), strict=True))
        assert [pairs.get(i) for i in range(found.rows)] == case["values"]
        assert encode_bsi(_column(case["values"], case["type"]), kind) == data


def run_range_bitmap(vector: Vector) -> None:
    for case in vector.case["cases"]:
        kind, data = parse_type(case["type"]), bytes.fromhex(case["bytes"])
        found = decode_range_bitmap(data, kind)
        distinct = index_values_to_arrow(found.distinct, kind).drop_null().to_pylist()
        pairs = zip(found.places.tolist(), found.codes().tolist(), strict=True)
        values = {place: distinct[code] for place, code in pairs}
        assert [values.get(i) for i in range(found.rows)] == case["values"]
        assert encode_range_bitmap(_column(case["values"], case["type"]), kind) == data


def run_file_index(vector: Vector) -> None:
    found = decode_file_index(vector.input, "input")
    assert {column: set(kinds) for column, kinds in found.items()} == {
        column: set(kinds) for column, kinds in vector.case["columns"].items()
    }
    assert decode_file_index(encode_file_index(found), "again") == found


RUNNERS: dict[str, Callable[[Vector], None]] = {
    "binary-row": run_binary_row,
    "bucket": run_bucket,
    "truncate": run_truncate,
    "manifest": run_avro,
    "manifest-list": run_avro,
    "index-manifest": run_avro,
    "snapshot": run_snapshot,
    "tag": run_tag,
    "consumer": run_consumer,
    "schema": run_schema,
    "partition-path": run_partition_path,
    "file-format": run_file_format,
    "deletion-vector": run_deletion_vector,
    "hash-index": run_hash_index,
    "file-index-hash": run_hashes,
    "bloom-filter": run_bloom_filter,
    "bitmap": run_bitmap,
    "bsi": run_bsi,
    "range-bitmap": run_range_bitmap,
    "file-index": run_file_index,
}


@pytest.mark.parametrize("vector", ALL, ids=lambda v: v.id)
def test_a_vector_is_what_the_codec_makes_of_it(vector: Vector):
    run = RUNNERS[vector.codec]
    if "error" not in vector.case:
        run(vector)
        return
    with pytest.raises(getattr(errors, vector.case["error"])) as caught:
        run(vector)
    assert vector.case["words"] in str(caught.value)


def test_every_vector_names_its_source():
    nameless = [v.id for v in ALL if not v.case.get("source")]
    assert len(ALL) >= 70
    assert nameless == []
