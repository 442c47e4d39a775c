"""Data files have the physical form that every Paimon reader reads right."""

from __future__ import annotations

import io
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.layout import file_schema, key_value_fields
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.datafile.parquet_writer import ParquetWriter, nan_columns, parquet_codec
from tablestore.datafile.visible import has_required_member, without_hidden_nulls
from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.types.arrow import to_arrow
from tablestore.types.field_ids import assign_ids
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type
from tests.support import strategies as s
from tests.support.model import canonical, plain


def fields_of(**columns):
    return assign_ids([DataField(-1, n, parse_type(sql)) for n, sql in columns.items()])[0]


def written(fields, values, groups=1, **settings):
    """A Parquet file of columns given as lists."""
    schema = file_schema(fields)
    arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    sink = io.BytesIO()
    settings.setdefault("nan_columns", nan_columns(batch))
    writer = ParquetWriter(sink, schema, sample=batch, **settings)
    for _ in range(groups):
        writer.write(batch)
    writer.close()
    return sink.getvalue()


def column_of(data, path):
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    found = [group.column(i) for i in range(group.num_columns)]
    return next(c for c in found if c.path_in_schema == path)


def read(data, fields, **how):
    reader = ParquetReader(pa.BufferReader(data), "f")
    return pa.Table.from_batches(reader.batches(fields, **how))


@pytest.mark.parametrize("kind", list(s.TYPES))
def test_every_type_comes_back_as_it_went_in(kind):
    fields = fields_of(c=kind)
    values = [None, *s.TYPES[kind], None]
    found = read(written(fields, [values]), fields)
    assert found.schema.field("c").type == to_arrow(fields[0].type)
    assert [canonical(v) for v in plain(found["c"])] == [canonical(v) for v in values]


def test_every_type_comes_back_beside_int96_timestamps():
    kinds = {f"c{i}": kind for i, kind in enumerate(s.TYPES)} | {"n": "TIMESTAMP(9)"}
    fields = fields_of(**kinds)
    columns = [[None, *s.TYPES[kind], *[None] * 20][:8] for kind in kinds.values()]
    data = written(fields, columns)
    found = read(data, fields)
    for name, values in zip(kinds, columns, strict=True):
        assert [canonical(v) for v in plain(found[name])] == [canonical(v) for v in values], name
    assert column_of(data, "n").physical_type == "INT96"
    others = {column_of(data, n).physical_type for n, k in kinds.items() if "STAMP(6)" in k}
    assert others == {"INT64"}


def test_key_value_files_have_the_system_columns_with_their_ids():
    fields = fields_of(a="INT", k="STRING NOT NULL")
    physical = key_value_fields(fields, ["k"])
    names = [f.name for f in physical]
    assert names == ["_KEY_k", "_SEQUENCE_NUMBER", "_VALUE_KIND", "a", "k"]
    assert [f.id for f in physical] == [1073741823 + 1, 2147483646, 2147483645, 0, 1]
    thin = key_value_fields(fields, ["k"], thin=True)
    assert [f.name for f in thin] == names[1:]


def test_every_part_of_a_nested_column_has_its_id():
    fields = fields_of(c="ARRAY<ROW<a INT, m MAP<STRING, INT>>>")
    data = written(fields, [[[{"a": 1, "m": [("x", 1)]}]]])
    text = str(pq.ParquetFile(io.BytesIO(data)).schema_arrow)
    ids = pq.ParquetFile(io.BytesIO(data)).schema_arrow.field("c").metadata
    assert ids == {b"PARQUET:field_id": b"0"}
    assert str(536_870_911 + 1) in text


def test_columns_with_nan_have_no_bounds_and_the_others_have():
    fields = fields_of(x="DOUBLE", y="DOUBLE", l="ARRAY<FLOAT>", i="INT")
    data = written(fields, [[1.0, math.nan], [1.0, 2.0], [[math.nan], []], [1, 2]])
    assert not column_of(data, "x").is_stats_set
    assert not column_of(data, "l.list.element").is_stats_set
    for name in ("y", "i"):
        assert column_of(data, name).statistics.has_min_max


def test_wide_decimals_have_no_dictionary():
    fields = fields_of(d="DECIMAL(20, 0)", s="DECIMAL(18, 0)", t="STRING")
    data = written(fields, [[Decimal(1)] * 50, [Decimal(1)] * 50, ["x"] * 50])
    encodings = {name: set(column_of(data, name).encodings) for name in "dst"}
    assert "RLE_DICTIONARY" not in encodings["d"]
    assert "RLE_DICTIONARY" in encodings["s"]
    assert "RLE_DICTIONARY" in encodings["t"]
    for found in encodings.values():
        assert found <= {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}


@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip", "lz4", "brotli", "none"])
def test_every_codec_is_written(codec):
    fields = fields_of(t="STRING")
    data = written(fields, [["x" * 100] * 100], compression=codec)
    assert read(data, fields)["t"].to_pylist() == ["x" * 100] * 100
    found = column_of(data, "t").compression
    assert found == {"none": "UNCOMPRESSED"}.get(codec, codec.upper())


def test_an_unknown_codec_is_refused_with_those_that_exist():
    with pytest.raises(InvalidInputError, match=r"'lzo'.*zstd"):
        parquet_codec("lzo")


def test_chosen_row_groups_and_small_batches():
    fields = fields_of(i="INT")
    data = written(fields, [[1, 2, 3]], groups=3)
    assert read(data, fields, row_groups=[1])["i"].to_pylist() == [1, 2, 3]
    reader = ParquetReader(pa.BufferReader(data), "f")
    assert [b.num_rows for b in reader.batches(fields, batch_rows=2)] == [2, 1] * 3 or [
        b.num_rows for b in reader.batches(fields, batch_rows=2)
    ] == [2, 2, 2, 2, 1]
    assert (reader.row_count, reader.row_groups, reader.group_rows(2)) == (9, 3, 3)


def test_a_column_that_the_file_lacks_is_null():
    data = written(fields_of(i="INT"), [[1, 2]])
    more = fields_of(i="INT", x="ROW<a INT NOT NULL>")
    assert read(data, more).to_pylist() == [{"i": 1, "x": None}, {"i": 2, "x": None}]
    assert read(data, more[1:]).to_pylist() == [{"x": None}] * 2
    reader = ParquetReader(pa.BufferReader(data), "f")
    assert sum(batch.num_rows for batch in reader.batches(())) == 2


def test_a_file_of_another_writer_with_plain_integers_for_timestamps():
    sink = io.BytesIO()
    pq.write_table(pa.table({"t": pa.array([1_700_000_000_123])}), sink)
    for kind, unit in (("TIMESTAMP(3)", 1), ("TIMESTAMP(6)", 1)):
        fields = fields_of(t=kind)
        assert plain(read(sink.getvalue(), fields)["t"]) == [1_700_000_000_123 * unit]


def test_bounds_of_row_groups_are_given_only_where_they_are_safe():
    fields = fields_of(i="INT", x="DOUBLE", s="STRING", d="DATE", b="BYTES")
    data = written(fields, [[1, None, 5], [0.5] * 3, ["a", "b", "c"], [3, 4, 5], [b"a"] * 3])
    ranges = ParquetReader(pa.BufferReader(data), "f").ranges(0, fields)
    assert (ranges["i"].min, ranges["i"].max, ranges["i"].null_count) == (1, 5, 1)
    assert (ranges["s"].min, ranges["s"].max) == ("a", "c")
    assert (ranges["d"].min, ranges["d"].max) == (3, 5)
    assert ranges["x"].min is None
    assert ranges["b"].min is None


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 100])
def test_what_is_no_parquet_names_the_file(data):
    with pytest.raises(CorruptDataError, match=r"bucket-0/f\.parquet") as caught:
        ParquetReader(pa.BufferReader(data), "bucket-0/f.parquet")
    assert "\n" not in str(caught.value)


# -- nulls below nulls ----------------------------------------------------------------------------

REQUIRED = [
    ("ROW<a INT NOT NULL, b STRING NOT NULL>", [None, {"a": 1, "b": "x"}, None]),
    ("ROW<r ROW<a INT NOT NULL> NOT NULL>", [None, {"r": {"a": 1}}]),
    ("ROW<r ROW<a INT NOT NULL>>", [{"r": None}, None, {"r": {"a": 1}}]),
    ("ROW<l ARRAY<INT NOT NULL> NOT NULL>", [None, {"l": [1]}, {"l": []}]),
    ("ROW<m MAP<STRING, INT NOT NULL> NOT NULL>", [None, {"m": [("a", 1)]}]),
    ("ARRAY<ROW<a BIGINT NOT NULL>>", [None, [], [None, {"a": 1}]]),
    ("ARRAY<INT NOT NULL>", [None, [], [1]]),
    ("MAP<INT, ROW<a DOUBLE NOT NULL>>", [None, [(1, None), (2, {"a": 0.5})]]),
]


@pytest.mark.parametrize(("kind", "values"), REQUIRED)
@pytest.mark.parametrize("start", [0, 1])
def test_not_null_members_below_a_null_can_be_written(kind, values, start):
    fields = fields_of(c=kind)
    array = pa.array(values, to_arrow(fields[0].type)).slice(start)
    assert has_required_member(array.type)
    assert without_hidden_nulls(array).to_pylist() == values[start:]
    data = written(fields, [array.to_pylist()])
    assert read(data, fields)["c"].to_pylist() == values[start:]


def test_columns_without_not_null_members_are_passed_on():
    array = pa.array([{"a": 1}, None])
    assert not has_required_member(array.type)
    assert without_hidden_nulls(array) is array


def test_nan_is_found_at_any_depth():
    batch = pa.record_batch(
        {
            "a": pa.array(np.array([np.nan])),
            "b": pa.array([[{"x": math.nan}]]),
            "c": pa.array([[("k", math.nan)]], pa.map_(pa.string(), pa.float32())),
            "d": pa.array([[1.0]]),
            "e": pa.array([None], pa.float64()),
        }
    )
    assert nan_columns(batch) == {"a", "b", "c"}
