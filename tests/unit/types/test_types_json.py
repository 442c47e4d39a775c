from __future__ import annotations

import pytest

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.types.field_ids import assign_ids
from tablestore.types.json import field_from_json, field_to_json, type_from_json
from tablestore.types.model import DataField
from tablestore.types.parse import parse_field, parse_type
from tablestore.types.row_kind import RowKind


def test_absent_comment_and_default_stay_absent() -> None:
    assert field_to_json(DataField(3, "a", parse_type("INT"))) == {
        "id": 3,
        "name": "a",
        "type": "INT",
    }


def test_a_null_comment_of_another_writer_is_no_comment() -> None:
    found = {"id": 1, "name": "a", "type": "INT", "description": None, "defaultValue": None}
    assert field_from_json(found) == DataField(1, "a", parse_type("INT"))


def test_the_nullable_key_of_pypaimon_is_ignored_as_java_ignores_it() -> None:
    found = {"type": "MAP", "key": "STRING NOT NULL", "value": "BIGINT", "nullable": False}
    assert type_from_json(found) == parse_type("MAP<STRING NOT NULL, BIGINT>")


@pytest.mark.parametrize(
    "found",
    [
        None,
        7,
        [],
        {},
        "NOPE",
        "CHAR(0)",
        "ROW<a INT>",
        {"type": "INT"},
        {"type": "ARRAY"},
        {"type": "MAP", "key": "INT"},
        {"type": "ROW", "fields": None},
        {"type": "ROW", "fields": [{"name": "a", "type": "INT"}]},
        {"type": "ROW", "fields": [{"id": True, "name": "a", "type": "INT"}]},
        {"type": "ROW", "fields": [{"id": 1, "name": None, "type": "INT"}]},
        {"type": "ROW", "fields": [{"id": 1, "name": "a", "type": "INT", "description": 5}]},
        {"type": "VECTOR", "element": "INT", "length": 0},
        {"type": "VECTOR", "element": "INT", "length": "3"},
    ],
)
def test_a_malformed_type_is_corrupt_data(found: object) -> None:
    with pytest.raises(CorruptDataError):
        type_from_json(found)


def test_types_nested_too_deep_are_corrupt_data() -> None:
    found: object = "INT"
    for _ in range(100):
        found = {"type": "ARRAY", "element": found}
    with pytest.raises(CorruptDataError, match="64 deep"):
        type_from_json(found)


def test_a_nested_field_takes_its_id_after_its_type_and_a_column_before() -> None:
    # format notes, found by running Java: f_row=29, a=30, b=31, d=32, c=33, next column 34
    columns = [
        parse_field("f_row", "ROW<a INT, b STRING, c ROW<d INT>>"),
        parse_field("m", "MAP<ROW<x INT>, ARRAY<ROW<y INT>>>"),
    ]
    (row, mapping), highest = assign_ids(columns, highest=28)
    assert row.id == 29
    a, b, c = row.type.fields
    assert (a.id, b.id, c.type.fields[0].id, c.id) == (30, 31, 32, 33)
    assert mapping.id == 34
    assert mapping.type.key.fields[0].id == 35
    assert mapping.type.value.element.fields[0].id == 36
    assert highest == 36


def test_row_kinds_keep_their_numbers_on_disk() -> None:
    found = [(kind.name, kind.value) for kind in map(RowKind.parse, ("+I", "-U", "+U", "-D"))]
    assert found == [("INSERT", 0), ("UPDATE_BEFORE", 1), ("UPDATE_AFTER", 2), ("DELETE", 3)]


def test_an_unknown_row_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"'\+X' is not a row kind: expected one of \+I"):
        RowKind.parse("+X")
