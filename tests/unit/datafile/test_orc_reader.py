"""ORC files, made with pyarrow, are read in the Arrow types of Paimon's data types."""

from __future__ import annotations

import datetime as dt
import io

import pyarrow as pa
import pyarrow.orc as orc
import pytest

from tablestore.datafile.formats import check_format, open_reader
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.types.model import AtomicType, DataField
from tablestore.types.parse import parse_type


def field(name, text):
    return DataField(0, name, parse_type(text))


def file_of(table, **settings):
    sink = io.BytesIO()
    orc.write_table(table, sink, **settings)
    return sink.getvalue()


def read(data, fields, **settings):
    reader = open_reader("orc", pa.BufferReader(data), "f.orc")
    return pa.Table.from_batches(list(reader.batches(fields, **settings)))


def test_integers_are_times_and_nanoseconds_take_the_unit_of_the_precision():
    stamp = dt.datetime(1969, 12, 31, 23, 59, 59, 999_000)
    data = file_of(
        pa.table(
            {
                "t": pa.array([1, None], pa.int32()),
                "s": pa.array([stamp, None], pa.timestamp("us")),
                "z": pa.array([stamp, None], pa.timestamp("us", tz="UTC")),
            }
        )
    )
    got = read(
        data, [field("t", "TIME(3)"), field("s", "TIMESTAMP(3)"), field("z", "TIMESTAMP_LTZ(6)")]
    )
    assert got.schema.types == [pa.time32("ms"), pa.timestamp("ms"), pa.timestamp("us", tz="UTC")]
    assert got["t"].to_pylist() == [dt.time(0, 0, 0, 1000), None]
    assert got["s"].to_pylist() == [stamp, None]
    assert got["z"].to_pylist() == [stamp.replace(tzinfo=dt.UTC), None]


def test_padding_of_char_is_dropped_inside_of_nested_values_too():
    row = {"a": ["x  ", None], "m": [("k ", " v ")], "r": {"c": "y ", "v": "z "}}
    data = file_of(
        pa.table(
            {
                "a": pa.array([row["a"], None], pa.list_(pa.string())),
                "m": pa.array([row["m"], None], pa.map_(pa.string(), pa.string())),
                "r": pa.array([row["r"], None], pa.struct({"c": pa.string(), "v": pa.string()})),
            }
        )
    )
    got = read(
        data,
        [
            field("a", "ARRAY<CHAR(3)>"),
            field("m", "MAP<CHAR(2), CHAR(3)>"),
            field("r", "ROW<c CHAR(2), v VARCHAR(2)>"),
        ],
    )
    assert got.to_pylist() == [
        {"a": ["x", None], "m": [("k", " v")], "r": {"c": "y", "v": "z "}},
        {"a": None, "m": None, "r": None},
    ]


def test_a_timestamp_out_of_range_fails_the_read_of_its_column_only():
    far = pa.array([253_402_300_799_999, 0], pa.timestamp("ms"))
    data = file_of(
        pa.table({"near": pa.array([0, 1], pa.timestamp("ms")), "far": far, "n": [1, 2]})
    )
    near, n = field("near", "TIMESTAMP(3)"), field("n", "BIGINT")
    assert read(data, [near, n])["n"].to_pylist() == [1, 2]
    with pytest.raises(UnsupportedFormatError, match=r"f\.orc: column 'far' holds a timestamp"):
        read(data, [near, field("far", "TIMESTAMP(3)"), n])


def test_a_column_that_the_file_lacks_is_null_and_rows_are_counted_without_columns():
    data = file_of(pa.table({"n": [1, 2, 3]}))
    assert read(data, [field("x", "STRING")])["x"].to_pylist() == [None] * 3
    assert sum(b.num_rows for b in open_reader("orc", pa.BufferReader(data), "f").batches([])) == 3


def test_stripes_are_cut_into_batches_and_can_be_left_out():
    numbers = pa.table({"n": pa.array(range(30_000), pa.int64())})
    data = file_of(numbers, stripe_size=1024, batch_size=10_000, compression="uncompressed")
    reader = open_reader("orc", pa.BufferReader(data), "f.orc")
    assert reader.row_groups == 3 and reader.row_count == 30_000
    assert [reader.group_rows(group) for group in range(3)] == [10_000] * 3
    batches = list(reader.batches([field("n", "BIGINT")], [0, 2], batch_rows=4_000))
    assert max(batch.num_rows for batch in batches) == 4_000
    got = pa.Table.from_batches(batches)["n"].to_pylist()
    assert got == [*range(10_000), *range(20_000, 30_000)]


def test_a_damaged_file_is_said_to_be_damaged():
    data = file_of(pa.table({"n": list(range(5_000)), "s": [str(n) for n in range(5_000)]}))
    fields = [field("n", "BIGINT"), field("s", "STRING")]
    for cut in (0, 3, len(data) // 2, len(data) - 1):
        with pytest.raises(CorruptDataError, match=r"f\.orc"):
            read(data[:cut], fields)
    with pytest.raises(CorruptDataError, match="readable ORC file"):
        read(data[:100] + bytes(400) + data[500:], fields)


def test_a_value_that_does_not_fit_its_type_is_damage():
    data = file_of(pa.table({"n": [1 << 40]}))
    with pytest.raises(CorruptDataError, match="1099511627776"):
        read(data, [DataField(0, "n", AtomicType("INT"))])


def test_an_unknown_format_is_refused_by_name():
    with pytest.raises(UnsupportedFormatError, match=r"b/x\.lance has the format 'lance'"):
        check_format("lance", "b/x.lance")
