"""INT96 timestamps, written by pyarrow or patched in its files, are exact or refused."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.errors import UnsupportedFormatError
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

EPOCH = 2_440_588
NANOS_OF_DAY = 86_400 * 10**9


def field(name, text):
    return DataField(0, name, parse_type(text))


def int96(nanos, day):
    return nanos.to_bytes(8, "little", signed=True) + (day + EPOCH).to_bytes(4, "little")


def file_of(table, **settings):
    sink = io.BytesIO()
    pq.write_table(
        table, sink, use_deprecated_int96_timestamps=True, store_schema=False, **settings
    )
    return sink.getvalue()


def with_values(pairs):
    """A file whose column x holds exactly these (nanoseconds of the day, day since 1970)."""
    marks = [1_000 + n for n in range(len(pairs))]
    table = pa.table({"n": list(range(len(pairs))), "x": pa.array(marks, pa.timestamp("ns"))})
    data = file_of(table, compression="none", use_dictionary=False)
    for mark, pair in zip(marks, pairs, strict=True):
        assert data.count(int96(mark, 0)) == 1
        data = data.replace(int96(mark, 0), int96(*pair))
    return data


def read(data, *fields):
    reader = ParquetReader(pa.BufferReader(data), "f.parquet")
    return pa.Table.from_batches(list(reader.batches(fields)))


def test_every_value_and_null_is_as_it_was_written():
    chance = np.random.default_rng(5)
    numbers = chance.integers(-(1 << 63), (1 << 63) - 1, 20_000, endpoint=True)
    x = pa.array(numbers, mask=chance.random(20_000) < 0.1).view(pa.timestamp("ns"))
    ends = pa.array([-(1 << 63), (1 << 63) - 1, 0, -1], pa.timestamp("ns"))
    nested = pa.ListArray.from_arrays(pa.array([0, 3, None, 4], pa.int32()), ends)
    row = pa.StructArray.from_arrays(
        [ends.slice(0, 3)], names=["s"], mask=pa.array([False, True, False])
    )
    for codec, dictionary in [("none", False), ("zstd", True)]:
        data = file_of(
            pa.table({"x": x}), compression=codec, use_dictionary=dictionary, row_group_size=7_000
        )
        assert read(data, field("x", "TIMESTAMP(9)"))["x"].combine_chunks() == x
        data = file_of(
            pa.table({"a": nested, "r": row}), compression=codec, use_dictionary=dictionary
        )
        got = read(data, field("a", "ARRAY<TIMESTAMP(9)>"), field("r", "ROW<s TIMESTAMP_LTZ(9)>"))
        assert got["a"].combine_chunks().values.view(pa.int64()) == ends.view(pa.int64())
        assert got["a"].is_null().to_pylist() == [False, False, True]
        stamps = got["r"].combine_chunks().field(0)
        assert stamps.type == pa.timestamp("ns", tz="UTC")
        assert stamps.cast(pa.int64()).to_pylist() == [-(1 << 63), None, 0]


def test_negative_nanoseconds_of_java_before_1970_are_right():
    data = with_values([(-1, 0), (-NANOS_OF_DAY + 1, -3), (5, -1)])
    got = read(data, field("x", "TIMESTAMP(9)"))["x"].cast(pa.int64()).to_pylist()
    assert got == [-1, -4 * NANOS_OF_DAY + 1, -NANOS_OF_DAY + 5]


@pytest.mark.parametrize("pair", [(0, 2_932_896), (0, -200_000), (-1, -106_752), (0, 106_752)])
def test_what_nanoseconds_cannot_hold_is_refused_with_column_and_file(pair):
    data = with_values([(0, 0), pair])
    said = r"data file f\.parquet: column 'x' holds a timestamp that cannot be read.*1677-09-21"
    with pytest.raises(UnsupportedFormatError, match=said):
        read(data, field("x", "TIMESTAMP(9)"))
    assert read(data, field("n", "BIGINT"))["n"].to_pylist() == [0, 1]


def test_int96_of_a_coarser_column_reaches_every_year():
    data = with_values([(999_999, 2_932_896), (-1, -719_162 + 1), (1_999_999, 0)])
    got = read(data, field("x", "TIMESTAMP(3)"))["x"].to_pylist()
    assert got == [
        dt.datetime(9999, 12, 31),
        dt.datetime(1, 1, 1, 23, 59, 59, 999_000),
        dt.datetime(1970, 1, 1, 0, 0, 0, 1_000),
    ]
    assert read(data, field("x", "TIMESTAMP(6)"))["x"].to_pylist()[2].microsecond == 1_999


def test_nanoseconds_as_integers_are_read_as_they_are():
    x = pa.array([-1, 1 << 62, None], pa.timestamp("ns"))
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": x}), sink, version="2.6")
    got = read(sink.getvalue(), field("x", "TIMESTAMP(9)"), field("x", "TIMESTAMP(6)"))
    assert got.column(0).combine_chunks() == x
    assert got.column(1).cast(pa.int64()).to_pylist() == [-1, (1 << 62) // 1000, None]


def test_milliseconds_that_overflow_nanoseconds_are_refused():
    x = pa.array([253_402_300_799_999], pa.timestamp("ms"))
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": x}), sink)
    with pytest.raises(UnsupportedFormatError, match="column 'x'"):
        read(sink.getvalue(), field("x", "TIMESTAMP(9)"))
