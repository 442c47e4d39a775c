"""Tables whose files Java indexed: every filter finds its rows, and files without any stay shut."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.format.file_index import decode_file_index, encode_file_index
from tablestore.format.file_index_bitmap import encode_bitmap_index
from tablestore.format.file_index_bloom import encode_bloom
from tablestore.format.file_index_bsi import encode_bsi
from tablestore.format.file_index_range import encode_range_bitmap
from tablestore.types.parse import parse_type
from tests.support import golden
from tests.support.builders import metered

WRITERS = ["java-0.9", "java-1.4", "java-2.1"]
NAMES = ["index_embedded", "index_sidecar"]


KINDS = {"k": parse_type("INT"), "v": parse_type("STRING")}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("golden")
    return {
        (writer, table.name): ts.open_table(str(table.path))
        for writer in WRITERS
        for table in golden.unpack(writer, root / writer)
        if table.name in NAMES
    }


def filters(table):
    rows = table.to_arrow().to_pylist()
    keys = sorted({row["k"] for row in rows if row["k"] is not None})
    texts = sorted({row["v"] for row in rows if row["v"] is not None})
    edges = [keys[0] - 1, keys[0], keys[len(keys) // 2], keys[-1], keys[-1] + 1]
    for key in edges:
        for op in ("=", "!=", "<", "<=", ">", ">="):
            yield f"k {op} {key}", lambda r, op=op, key=key: compare(r["k"], op, key)
        yield f"k IN ({key}, 1000)", lambda r, key=key: r["k"] in {key, 1000}
        yield f"NOT k = {key}", lambda r, key=key: r["k"] is not None and r["k"] != key
    for text in [*texts, "", "aa", "zzz"]:
        for op in ("=", "!=", "<", "<=", ">", ">="):
            yield f"v {op} '{text}'", lambda r, op=op, text=text: compare(r["v"], op, text)
        yield (
            f"v = '{text}' AND k > 2",
            lambda r, text=text: r["v"] == text and compare(r["k"], ">", 2),
        )
        yield f"v = '{text}' OR k IS NULL", lambda r, text=text: r["v"] == text or r["k"] is None
    yield "v IS NULL", lambda r: r["v"] is None
    yield "v IS NOT NULL", lambda r: r["v"] is not None
    yield "v LIKE 'a%'", lambda r: (r["v"] or "").startswith("a")


def compare(left, op, right):
    if left is None:
        return False
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[op]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_no_filter_loses_a_row(tables, writer, name):
    table = tables[writer, name]
    rows = table.to_arrow().to_pylist()
    asked = 0
    for where, wanted in filters(table):
        found = table.to_arrow(where=where).to_pylist()
        assert sorted(map(str, found)) == sorted(str(row) for row in rows if wanted(row)), where
        asked += 1
    assert asked > 50  # each on two files


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_files_without_the_value_are_not_opened(tables, writer, name):
    table = tables[writer, name].at(snapshot=tables[writer, name].history()[0].id)
    # between the bounds of every file, so that statistics cannot exclude it
    absent = {"index_embedded": "aa", "index_sidecar": "v0a"}[name]
    with metered(table) as found:
        assert table.to_arrow(where=f"v = '{absent}'").num_rows == 0
    assert "open_read" not in found[0].verbs
    assert found[0].verbs["get"] >= 1


def test_the_indexes_are_asked_only_where_the_option_allows(tmp_path):
    (table,) = (t for t in golden.unpack("java-2.1", tmp_path) if t.name == "index_sidecar")
    for path in table.path.glob("schema/schema-*"):
        schema = json.loads(path.read_text())
        schema["options"]["file-index.read.enabled"] = "false"
        path.write_text(json.dumps(schema))
    opened = ts.open_table(str(table.path))
    with metered(opened) as found:
        assert opened.to_arrow(where="v = 'v0a'").num_rows == 0
    assert found[0].verbs["open_read"] == 1


def test_a_lost_index_file_is_damage(tmp_path):
    (table,) = (t for t in golden.unpack("java-2.1", tmp_path) if t.name == "index_sidecar")
    for path in table.path.rglob("*.index"):
        path.unlink()
    opened = ts.open_table(str(table.path))
    with pytest.raises(ts.CorruptDataError, match=r"\.index"):
        opened.to_arrow(where="v = 'v0'")
    assert opened.to_arrow().num_rows == 260


def indexed_files(root):
    """(table, rows, container) of every data file with an index file."""
    for writer in WRITERS:
        for table in golden.unpack(writer, root / writer):
            for path in table.path.rglob("*.parquet.index"):
                yield table, pq.read_table(path.with_suffix("")), path.read_bytes()


def test_our_indexes_of_the_same_rows_are_those_of_java(tmp_path):
    seen = set()
    for table, rows, data in indexed_files(tmp_path):
        found = decode_file_index(data)
        for name, indexes in found.items():
            column, kind = rows[name].combine_chunks(), KINDS[name]
            for index, body in indexes.items():
                seen.add((name, index))
                if index == "bloom-filter":
                    items = int(
                        table.expected["options"].get(f"file-index.{index}.{name}.items", 10**6)
                    )
                    assert encode_bloom(column, kind, items=items) == body
                elif index == "bsi":
                    assert encode_bsi(column, kind) == body
                elif index == "range-bitmap":
                    assert encode_range_bitmap(column, kind) == body
                else:
                    assert encode_bitmap_index(column, kind, version=body[0]) == body
        assert encode_file_index(found) == data
    assert len(seen) >= 5
