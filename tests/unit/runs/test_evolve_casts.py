from __future__ import annotations

import pyarrow as pa
import pytest

from tablestore.errors import UnsupportedFormatError
from tablestore.read.ranges import comparable
from tablestore.runs.evolve import project
from tablestore.types.arrow import to_arrow
from tablestore.types.model import ArrayType, DataField, MapType, RowType
from tablestore.types.parse import parse_type


def field(number, name, kind):
    return DataField(number, name, parse_type(kind) if isinstance(kind, str) else kind)


def evolved(old, new, rows):
    """One column of an old type as the new one."""
    projection = project([field(0, "c", old)], [field(0, "c", new)])
    target = pa.schema([pa.field("c", to_arrow(projection.fields[0].type))])
    source = pa.record_batch([pa.array(rows, to_arrow(projection.file_fields[0].type))], ["c"])
    return projection.apply(source, target).column(0).to_pylist()


def test_columns_are_matched_by_id_and_not_by_name():
    projection = project(
        [field(0, "a", "INT"), field(1, "b", "STRING")],
        [field(1, "a", "STRING"), field(0, "renamed", "BIGINT"), field(2, "b", "STRING")],
    )
    batch = pa.record_batch([pa.array(["x"]), pa.array([1], pa.int32())], ["b", "a"])
    schema = pa.schema([("a", pa.string()), ("renamed", pa.int64()), ("b", pa.string())])
    assert [f.name for f in projection.file_fields] == ["b", "a"]
    got = projection.apply(batch, schema).to_pylist()
    assert got == [{"a": "x", "renamed": 1, "b": None}]


def test_members_of_rows_in_arrays_and_maps_evolve_by_id():
    old_row = RowType((field(1, "x", "INT"), field(2, "gone", "STRING"), field(3, "y", "DOUBLE")))
    new_row = RowType(
        (field(3, "why", "STRING"), field(4, "fresh", "DATE"), field(1, "x", "BIGINT"))
    )
    row, want = {"x": 1, "gone": "g", "y": 1e7}, {"why": "1.0E7", "fresh": None, "x": 1}
    assert evolved(old_row, new_row, [row, None]) == [want, None]
    assert evolved(ArrayType(old_row), ArrayType(new_row), [[row, None], None, []]) == [
        [want, None],
        None,
        [],
    ]
    key = parse_type("STRING NOT NULL")
    got = evolved(MapType(key, old_row), MapType(key, new_row), [[("k", row)], None])
    assert got == [[("k", want)], None]


def test_elements_keys_and_values_are_cast_by_themselves():
    assert evolved("ARRAY<INT>", "ARRAY<STRING>", [[1, None], None]) == [["1", None], None]
    assert evolved("MAP<INT, FLOAT>", "MAP<BIGINT, INT>", [[(1, 2.9)]]) == [[(1, 2)]]
    assert evolved("ARRAY<INT>", "STRING", [[1, None], None]) == ["[1, null]", None]


def test_a_change_that_java_has_no_rule_for_is_refused():
    with pytest.raises(UnsupportedFormatError, match=r"'c\.element' was changed from BOOLEAN"):
        evolved("ARRAY<BOOLEAN>", "ARRAY<DATE>", [[True]])


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("INT", "INT NOT NULL", True),
        ("INT", "BIGINT", True),
        ("BIGINT", "INT", False),
        ("VARCHAR(3)", "STRING", True),
        ("STRING", "VARCHAR(3)", False),
        ("CHAR(3)", "CHAR(5)", False),
        ("CHAR(3)", "VARCHAR(3)", True),
        ("INT", "STRING", False),
        ("TIMESTAMP(6)", "TIMESTAMP(0)", False),
        ("DECIMAL(9, 2)", "DECIMAL(9, 1)", False),
    ],
)
def test_statistics_are_believed_only_where_the_cast_keeps_order_and_values(old, new, kept):
    assert comparable(parse_type(old), parse_type(new)) is kept
