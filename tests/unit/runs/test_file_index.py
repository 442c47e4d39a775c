"""Files get the indexes that the options name while they are written, and lose them together."""

from __future__ import annotations

import itertools
import json

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError, StorageUnavailableError, UnsupportedFormatError
from tablestore.format.file_index import decode_file_index
from tablestore.format.file_index_bitmap import decode_bitmap_index
from tablestore.format.file_index_range import decode_range_bitmap
from tablestore.runs.file_index import map_values
from tablestore.types.parse import parse_type
from tests.support.builders import (
    KEYED,
    append_table,
    keyed_table,
    live_entries,
    new_lake,
    rows,
    store_of,
    stored,
)

BESIDE = {"file-index.in-manifest-threshold": "0 b"}
COLUMNS = {"id": "BIGINT NOT NULL", "v": "STRING", "m": "MAP<STRING, INT>"}
MAP = pa.map_(pa.string(), pa.int32())


def indexed(folder=None, columns=None, *, key=(), **more):
    options = {"file-index.bitmap.columns": "v", "metadata.stats-mode": "none"}
    return new_lake(folder).create_table(
        "shop.t", columns or KEYED, primary_key=key, options={**options, **more}
    )


def listed(table):
    return sorted(
        item.key for item in store_of(table).list(recursive=True) if "bucket-" in item.key
    )


@pytest.mark.parametrize("file_format", ["parquet", "orc", "avro"])
@pytest.mark.parametrize("key", [(), ("id",)], ids=["append", "keyed"])
@pytest.mark.parametrize("beside", [True, False], ids=["beside", "embedded"])
def test_every_new_file_has_its_index(file_format, key, beside):
    threshold = {"file-index.in-manifest-threshold": "0 b" if beside else "1 mb"}
    table = indexed(key=key, **threshold, **{"file.format": file_format})
    for start in (0, 10):
        write = table.upsert if key else table.append
        write(rows(range(start, start + 10), [f"a{i % 5 + start}" for i in range(10)]))
    for entry in live_entries(table):
        meta = entry.file
        assert meta.extra_files == ((f"{meta.file_name}.index",) if beside else ())
        data = meta.embedded_index
        if beside:
            assert data is None
            data = store_of(table).get(f"bucket-0/{meta.extra_files[0]}")
        found = decode_bitmap_index(decode_file_index(data)["v"]["bitmap"], parse_type("STRING"))
        assert found.rows == 10
        assert len(found.values) == 5
    assert len(stored(table, where="v = 'a11'")) == 2
    assert not stored(table, where="v = 'a1x'")


def test_an_explanation_names_files_that_index_files_exclude():
    table = indexed(**BESIDE)
    for text in ("a", "c"):
        table.append(rows(range(5), [text, "m"] * 2 + ["z"]))
    found = table.explain("v = 'c'")
    assert (found.files_by_value, found.files_by_index, found.rows) == (2, 1, 5)
    assert "value 2 > index 1, row groups 1 > 1" in repr(found)
    inside = indexed()
    inside.append(rows(range(5)))
    none = inside.explain("v = 'x'")
    assert (none.files, none.files_by_value, none.files_by_index) == (1, 0, 0)


def test_each_of_several_files_has_an_index_of_its_own_rows():
    table = indexed(key=("id",), **BESIDE, **{"target-file-row-num": "100"})
    with table.batch() as batch:
        batch.upsert(rows(range(1000)))
    metas = [entry.file for entry in live_entries(table)]
    for meta in metas:
        data = store_of(table).get(f"bucket-0/{meta.file_name}.index")
        index = decode_bitmap_index(decode_file_index(data)["v"]["bitmap"], parse_type("STRING"))
        assert index.rows == meta.row_count
    assert len(listed(table)) == 2 * len(metas)


def test_the_values_of_a_map_key_are_indexed_as_a_column():
    options = {
        "file-index.range-bitmap.columns": "m[a], m[none]",
        "file-index.range-bitmap.m.chunk-size": "4 b",
        "file-index.range-bitmap.m[a].chunk-size": "8 b",
        "file-index.in-manifest-threshold": "1 mb",
    }
    table = new_lake().create_table("shop.t", COLUMNS, options=options)
    values = [[("a", 3), ("b", 1)], None, [], [("b", 2)], [("a", None)], [("a", -1)]]
    maps = pa.array(values, pa.map_(pa.string(), pa.int32()))
    table.append(pa.table({"id": range(6), "v": [None] * 6, "m": maps}), missing="null")
    (entry,) = live_entries(table)
    found = decode_file_index(entry.file.embedded_index)
    assert set(found) == {"m[a]", "m[none]"}
    index = decode_range_bitmap(found["m[a]"]["range-bitmap"], parse_type("INT"))
    assert index.values.tolist() == [-1, 3]
    assert index.rows == 6
    assert table.to_arrow(where="id = 3").num_rows == 1
    report = table.verify()
    assert report.ok
    assert not report.skipped
    assert (report.files, report.indexes) == (1, 2)
    assert "1 files, 6 rows, 2 indexes)" in repr(report)


def test_a_map_is_looked_up_in_slices_too():
    array = pa.array([[("a", 1)], [("b", 2), ("a", 3)], None], pa.map_(pa.string(), pa.int32()))
    assert map_values(array, "a").to_pylist() == [1, 3, None]
    assert map_values(array.slice(1), "a").to_pylist() == [3, None]
    assert map_values(array.slice(0, 0), "a").to_pylist() == []


# -- leaving nothing behind -----------------------------------------------------------------------


def test_an_abandoned_batch_takes_its_indexes_with_it():
    table = indexed(key=("id",), **BESIDE)
    with pytest.raises(KeyboardInterrupt), table.batch() as batch:
        batch.upsert(rows(range(10)))
        batch._writer.flush()
        assert any(name.endswith(".index") for name in listed(table))
        raise KeyboardInterrupt
    assert listed(table) == []


@pytest.mark.parametrize("key", [(), ("id",)], ids=["append", "keyed"])
def test_a_file_whose_index_cannot_be_written_is_removed(monkeypatch, key):
    table = indexed(key=key, **BESIDE)
    store = type(store_of(table).inner)

    def put(self, name, data):
        assert name.endswith(".index")
        raise StorageUnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", put)
        with pytest.raises(StorageUnavailableError):
            (table.upsert if key else table.append)(rows(range(10)))
    assert listed(table) == []
    assert stored(table) == {}


def test_an_index_of_a_file_that_cannot_be_closed_is_removed(monkeypatch):
    from tablestore.datafile.parquet_writer import ParquetWriter

    table = indexed(**BESIDE)

    def close(self):
        raise StorageUnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(ParquetWriter, "close", close)
        with pytest.raises(StorageUnavailableError):
            table.append(rows(range(10)))
    assert listed(table) == []


def test_files_that_lost_a_race_are_written_again_with_their_index(tmp_path):
    table = indexed(tmp_path, key=("id",), **BESIDE)
    other = ts.open_table(table.path)
    with table.batch() as batch:
        batch.upsert(rows([1, 2], "mine"))
        other.upsert(rows([1, 3], "theirs"))
    assert stored(table) == {1: "mine", 2: "mine", 3: "theirs"}
    assert stored(table, where="v = 'mine'") == {1: "mine", 2: "mine"}
    names = [path.name for path in tmp_path.rglob("bucket-0/*")]
    assert len(names) == 4
    assert sum(name.endswith(".index") for name in names) == 2


# -- what is refused ------------------------------------------------------------------------------

BAD = [
    ({"bitmap.columns": "v,,id"}, "'v,,id' names an empty column"),
    ({"bitmap.columns": "w"}, "names column 'w', which the table does not have"),
    ({"bitmap.columns": "m"}, "names 'm': no file index over exact values of MAP<STRING, INT>"),
    ({"bloom.columns": "v"}, "there is no index of type 'bloom'"),
    ({"bitmap.v.version": "2"}, "'file-index.bitmap.columns' does not name"),
    ({"bitmap.columns": "v", "bitmap.v.version": "3"}, "expected 1 or 2, found '3'"),
    ({"bitmap.columns": "v", "bitmap.v.fpp": "0.1"}, "has no setting 'fpp'"),
    ({"bitmap.columns": "v", "bitmap.v.a.b": "0.1"}, "no dot in its name"),
    ({"bloom-filter.columns": "v", "bloom-filter.v.fpp": "1"}, "between 0 and 1"),
    ({"bloom-filter.columns": "v", "bloom-filter.v.items": "0"}, "above 0"),
    ({"bloom-filter.columns": "v", "bloom-filter.v.items": "2000000000"}, "bits"),
    ({"bitmap.columns": "v", "bitmap.v.index-block-size": "big"}, "is not a size"),
    ({"bitmap.columns": "v[a]"}, "not a map with text as keys"),
    ({"bitmap.columns": "price"}, "no bitmap index over DECIMAL"),
    ({"bsi.columns": "v"}, "no bsi index over STRING"),
    ({"bsi.columns": "ts"}, r"TIMESTAMP\(9\)"),
    ({"range-bitmap.columns": "bin"}, "names 'bin'"),
    ({"bloom-filter.columns": "price"}, "no bloom filter over DECIMAL"),
    ({"bitmap.v": "1"}, "unknown option 'file-index.bitmap.v'"),
    ({"in-manifest-threshold": "some"}, "is not a size"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[said for _, said in BAD])
def test_an_option_that_cannot_be_followed_is_refused_by_name(options, said):
    columns = {**COLUMNS, "price": "DECIMAL(10, 2)", "ts": "TIMESTAMP(9)", "bin": "BYTES"}
    with pytest.raises(InvalidInputError, match=said) as error:
        new_lake().create_table(
            "shop.t", columns, options={f"file-index.{k}": v for k, v in options.items()}
        )
    assert "shop.t" in str(error.value)


def test_an_existing_table_with_an_index_that_cannot_be_built_is_read_not_written(tmp_path):
    table = append_table(tmp_path)
    table.append(rows(range(3)))
    (path,) = tmp_path.rglob("schema-0")
    schema = json.loads(path.read_text())
    schema["options"]["file-index.bsi.columns"] = "v"
    path.write_text(json.dumps(schema))
    opened = ts.open_table(table.path)
    assert opened.options["file-index.bsi.columns"] == "v"
    assert len(stored(opened)) == 3
    with pytest.raises(UnsupportedFormatError, match=r"shop\.t: .*no bsi index over STRING"):
        opened.append(rows([7]))


def test_a_number_that_an_index_cannot_hold_is_refused_with_its_column():
    table = new_lake().create_table(
        "shop.t", {"n": "BIGINT"}, options={"file-index.bsi.columns": "n"}
    )
    with pytest.raises(InvalidInputError, match=r"names 'n': .*-9223372036854775808"):
        table.append([{"n": -(2**63)}])
    assert listed(table) == []


def test_the_columns_of_one_file_do_not_keep_those_of_the_next(tmp_path):
    table = keyed_table(tmp_path, file_index__bloom_filter__columns="v")
    for start in range(3):
        table.upsert(rows([start], f"v{start}"))
    found = [entry.file.embedded_index or entry.file.extra_files for entry in live_entries(table)]
    assert len(set(map(str, found))) == 3
    for start, other in itertools.product(range(3), range(3)):
        assert len(stored(table, where=f"v = 'v{start}' AND id = {other}")) == (start == other)


def test_a_wrong_index_of_a_map_key_is_found_by_verify(tmp_path):
    options = {"file-index.bsi.columns": "m[a]", **BESIDE}
    table = new_lake(tmp_path).create_table("shop.t", COLUMNS, options=options)
    for value in (3, 5):
        table.append(pa.table({"id": [1], "v": ["x"], "m": pa.array([[("a", value)]], MAP)}))
    assert table.verify().ok
    first, second = tmp_path.rglob("*.index")
    second.write_bytes(first.read_bytes())
    (finding,) = table.verify().findings
    assert "m[a]" in finding.problem
