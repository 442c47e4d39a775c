from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_row import Timestamp
from tablestore.format.values import arrow_scalar_value, arrow_to_values, values_to_arrow
from tablestore.types.model import (
    BYTES,
    STRING,
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
)

INT = AtomicType("INT")
TS3, TS6, TS9 = (AtomicType("TIMESTAMP", precision=p) for p in (3, 6, 9))
ROW = RowType((DataField(0, "d", AtomicType("DATE")), DataField(1, "t", TS9)))
CASES: list[tuple[DataType, list[Any]]] = [
    (AtomicType("BOOLEAN"), [True, None]),
    (AtomicType("TINYINT"), [-128, None]),
    (AtomicType("FLOAT"), [1.5, -0.0]),
    (AtomicType("DECIMAL", precision=20, scale=2), [Decimal("1.50"), None]),
    (AtomicType("DATE"), [-100_000, 19000]),
    (AtomicType("TIME", precision=3), [0, 86_399_999]),
    (TS3, [Timestamp(-1), None]),
    (TS6, [Timestamp(-1, 999_000), Timestamp(2**40, 1000)]),
    (TS9, [Timestamp(-1, 999_999)]),
    (AtomicType("TIMESTAMP_LTZ", precision=9), [Timestamp(5, 7)]),
    (STRING, ["", "é", None]),
    (BYTES, [b"", b"\xff"]),
    (ArrayType(TS3), [[Timestamp(4), None], [], None]),
    (MapType(STRING, INT), [{"a": 1, "b": None}, {}, None]),
    (MultisetType(STRING), [{"a": 2}]),
    (ROW, [(19000, Timestamp(1, 2)), None, (None, None)]),
    (ArrayType(MapType(INT, ROW)), [[{1: (5, None)}, None]]),
]


@pytest.mark.parametrize(
    ("kind", "values"), CASES, ids=lambda c: c.sql() if hasattr(c, "sql") else ""
)
def test_values_survive_arrow(kind: DataType, values: list[Any]):
    array = values_to_arrow(values, kind)
    assert arrow_to_values(array) == values
    assert arrow_to_values(pa.chunked_array([array, array])) == values * 2
    assert [arrow_scalar_value(scalar) for scalar in array] == values


def test_every_time_unit_is_read():
    for unit, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        array = pa.array([-3 * factor], pa.timestamp(unit))
        assert arrow_to_values(array) == [Timestamp(-3000)]
        assert arrow_scalar_value(array[0]) == Timestamp(-3000)
    seconds = pa.array([7], pa.time32("s"))
    assert arrow_to_values(seconds) == [7000] == [arrow_scalar_value(seconds[0])]


def test_encoded_and_large_arrays_are_read():
    assert arrow_to_values(pa.array(["a", "b", "a"]).dictionary_encode()) == ["a", "b", "a"]
    assert arrow_to_values(pa.array([[1]], pa.large_list(pa.int64()))) == [[1]]
    assert arrow_to_values(pa.array(["x"], pa.large_string())) == ["x"]


def test_types_without_values_are_named():
    with pytest.raises(UnsupportedFormatError, match="VECTOR"):
        from tablestore.types.model import VectorType

        values_to_arrow([[1.0]], VectorType(AtomicType("FLOAT"), 1))
