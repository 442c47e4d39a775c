"""A file of an older schema reads as the current one, by field id."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from tablestore.runs.evolve import project
from tablestore.types.arrow import to_arrow, to_arrow_schema
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type


def field(number, name, sql):
    return DataField(number, name, parse_type(sql))


def evolved(old, new, values):
    """A column of one type read as another, under the same id."""
    before, after = field(0, "c", old), field(0, "c", new)
    projection = project([before], [after])
    batch = pa.record_batch([pa.array(values, to_arrow(before.type))], ["c"])
    found = projection.apply(batch, to_arrow_schema([after]))
    assert found.schema.field("c").type == to_arrow(after.type)
    return found.column(0).to_pylist()


def test_columns_match_by_id_not_by_name():
    old = [field(0, "a", "INT"), field(1, "b", "STRING")]
    new = [field(1, "a", "STRING"), field(2, "c", "INT"), field(0, "b", "INT")]
    projection = project(old, new)
    assert not projection.is_identity
    batch = pa.record_batch(
        [pa.array([1], pa.int32()), pa.array(["x"])],
        [projection.file_fields[projection.sources[2]].name, "b"],
    )
    ordered = batch.select([f.name for f in projection.file_fields])
    found = projection.apply(ordered, to_arrow_schema(new))
    assert found.to_pylist() == [{"a": "x", "c": None, "b": 1}]


def test_an_unchanged_selection_needs_no_work():
    old = [field(0, "a", "INT"), field(1, "b", "STRING")]
    assert project(old, old).is_identity
    assert project(old, old[1:]).is_identity


def test_dropped_columns_are_not_read():
    old = [field(0, "a", "INT"), field(1, "b", "STRING")]
    assert [f.name for f in project(old, [old[1]]).file_fields] == ["b"]


@pytest.mark.parametrize(
    ("old", "new", "values", "expected"),
    [
        ("TINYINT", "BIGINT", [1, None, -128], [1, None, -128]),
        ("INT", "DOUBLE", [3], [3.0]),
        ("BIGINT", "DOUBLE", [2**53 + 1], [float(2**53)]),
        ("INT", "DECIMAL(12, 2)", [7], [Decimal("7.00")]),
        ("FLOAT", "DOUBLE", [0.5], [0.5]),
        ("DECIMAL(6, 2)", "DECIMAL(8, 3)", [Decimal("1.25")], [Decimal("1.250")]),
        ("DECIMAL(6, 2)", "DOUBLE", [Decimal("1.25")], [1.25]),
        ("VARCHAR(3)", "STRING", ["abc"], ["abc"]),
        ("CHAR(3)", "VARCHAR(5)", ["abc"], ["abc"]),
        ("BINARY(2)", "BYTES", [b"ab"], [b"ab"]),
        ("ARRAY<INT>", "ARRAY<BIGINT>", [[1, None], None], [[1, None], None]),
        ("MAP<STRING, INT>", "MAP<STRING, BIGINT>", [[("a", 1)]], [[("a", 1)]]),
        ("INT NOT NULL", "INT", [1], [1]),
    ],
)
def test_widened_types_are_cast(old, new, values, expected):
    assert evolved(old, new, values) == expected


def test_members_of_rows_match_by_id_at_any_depth():
    inner = [DataField(3, "x", parse_type("INT")), DataField(4, "y", parse_type("STRING"))]
    after = [DataField(5, "new", parse_type("INT")), DataField(4, "renamed", parse_type("STRING"))]
    from tablestore.types.model import ArrayType, RowType

    old = DataField(0, "c", ArrayType(RowType(tuple(inner))))
    new = DataField(0, "c", ArrayType(RowType(tuple(after))))
    values = [[{"x": 1, "y": "a"}, None], None, []]
    batch = pa.record_batch([pa.array(values, to_arrow(old.type))], ["c"])
    for piece in (batch, batch.slice(0, 2), batch.slice(1)):
        found = project([old], [new]).apply(piece, to_arrow_schema([new])).column(0).to_pylist()
        expected = [[{"new": None, "renamed": "a"}, None], None, []]
        start = 0 if piece.num_rows != 2 or piece[0][0].is_valid else 1
        assert found == expected[start : start + piece.num_rows]
