from __future__ import annotations

import datetime as dt
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.parquet_footer import Footer, read_footer
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.errors import CorruptDataError
from tablestore.predicate.prune import ColumnRange
from tablestore.types.model import ArrayType, AtomicType, DataField
from tablestore.types.parse import parse_type
from tests.support.mutate_parquet import Field, footer, get, with_footer

COLUMNS = {
    "i": (pa.array([3, None, -7], pa.int32()), "INT", ColumnRange(-7, 3, 1)),
    "l": (pa.array([2**40, 0, -1], pa.int64()), "BIGINT", ColumnRange(-1, 2**40, 0)),
    "t": (pa.array([1, 2, 3], pa.int8()), "TINYINT", ColumnRange(1, 3, 0)),
    "b": (pa.array([True, False, None]), "BOOLEAN", ColumnRange(False, True, 1)),
    "s": (pa.array(["b", "é", "a"]), "STRING", ColumnRange("a", "é", 0)),
    "d": (pa.array([dt.date(1969, 12, 31)] * 3), "DATE", ColumnRange(-1, -1, 0)),
    "n": (pa.array([None] * 3, pa.int32()), "INT", ColumnRange(None, None, 3)),
    "y": (pa.array([b"a"] * 3), "BYTES", ColumnRange(None, None, 0)),
    "u": (pa.array([2**31, 1, 2], pa.uint32()), "INT", ColumnRange(None, None, 0)),
}
FIELDS = [DataField(i, name, parse_type(c[1])) for i, (name, c) in enumerate(COLUMNS.items())]


def written(**settings: object) -> bytes:
    nested = pa.array([[{"x": 1}], [], None])
    arrays = {"before": nested, **{n: c[0] for n, c in COLUMNS.items()}, "after": nested}
    out = io.BytesIO()
    pq.write_table(pa.table(arrays), out, **settings)
    return out.getvalue()


def ranges(data: bytes) -> dict[str, ColumnRange]:
    return ParquetReader(pa.BufferReader(data), "f").ranges(0, FIELDS)


def test_bounds_of_every_trusted_type_are_those_written():
    assert ranges(written()) == {name: c[2] for name, c in COLUMNS.items()}


def test_a_file_without_statistics_has_no_bounds():
    assert ranges(written(write_statistics=False)) == {}


def test_columns_inside_others_and_missing_ones_have_no_bounds():
    data = written()
    reader = ParquetReader(pa.BufferReader(data), "f")
    inner = [DataField(0, "x", AtomicType("BIGINT")), DataField(1, "gone", AtomicType("INT"))]
    assert reader.ranges(0, [*inner, DataField(2, "before", ArrayType(AtomicType("INT")))]) == {}


def column_metadata(fields: list[Field], place: int) -> list[Field]:
    return get(get(get(fields, 4).values[0], 1).values[place], 3)


def test_a_chunk_of_another_type_than_its_column_does_not_end_the_process():
    fields, start = footer(data := written())
    next(f for f in column_metadata(fields, 1) if f.number == 1).value = 2  # "i" as INT64
    assert "i" not in ranges(with_footer(data[:start], fields))


def test_a_histogram_of_another_size_does_not_end_the_process():
    fields, start = footer(data := written())
    sizes = get(column_metadata(fields, 1), 16)
    next(f for f in sizes if f.number == 3).value.values.append(5)
    assert ranges(with_footer(data[:start], fields))["i"] == ColumnRange(-7, 3, 1)


def test_a_bound_of_another_width_is_no_bound():
    fields, start = footer(data := written())
    for field in get(column_metadata(fields, 1), 12):
        if field.kind == 8:
            field.value = b"\0"
    assert ranges(with_footer(data[:start], fields))["i"] == ColumnRange(None, None, 1)


def test_a_missing_null_count_is_unknown():
    fields, start = footer(data := written())
    statistics = get(column_metadata(fields, 1), 12)
    statistics[:] = [f for f in statistics if f.number != 3]
    assert ranges(with_footer(data[:start], fields))["i"] == ColumnRange(-7, 3, None)


def test_a_long_footer_is_read_whole():
    names = [f"{'c' * 200}{i}" for i in range(400)]
    out = io.BytesIO()
    pq.write_table(pa.table({name: [1] for name in names}), out)
    data = read_footer(pa.BufferReader(out.getvalue()))
    assert data is not None and len(data) > 64 << 10
    bounds = Footer(data).bounds(0, names[-1])
    assert bounds is not None and (bounds.low, bounds.high) == (1, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x19",
        b"\x29\xfc\xff\xff\xff\x7f",  # a list of two billion structs
        b"\x1c" * 100,  # struct in struct in struct
        b"\x15" + b"\xff" * 20,
        b"\x15\x02\x15\x02\x00",  # a number where the schema is expected
    ],
)
def test_what_is_no_footer_is_damage(data: bytes):
    with pytest.raises(CorruptDataError, match="Parquet footer"):
        Footer(data)


@pytest.mark.parametrize("end", [b"PAR1x", b"\xff\xff\0\0PAR1"])
def test_what_does_not_end_as_parquet_is_damage(end: bytes):
    with pytest.raises(CorruptDataError, match="Parquet footer"):
        read_footer(pa.BufferReader(bytes(20) + end))
