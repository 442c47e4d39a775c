"""Tables whose files Java indexed: every filter finds its rows, and files without any stay shut."""

from __future__ import annotations

import json

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.builders import metered

WRITERS = ["java-0.9", "java-1.4", "java-2.1"]
NAMES = ["index_embedded", "index_sidecar"]


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
