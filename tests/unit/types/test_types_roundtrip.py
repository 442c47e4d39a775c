"""Any type survives SQL text, schema JSON and Arrow."""

from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tablestore.types.arrow import from_arrow, to_arrow
from tablestore.types.field_ids import assign_ids
from tablestore.types.json import type_from_json, type_to_json
from tablestore.types.model import (
    BYTES,
    STRING,
    UNASSIGNED_ID,
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
    VectorType,
)
from tablestore.types.parse import parse_type


def _decimals() -> st.SearchStrategy[DataType]:
    return st.integers(1, 38).flatmap(
        lambda p: st.integers(0, p).map(lambda s: AtomicType("DECIMAL", precision=p, scale=s))
    )


_PLAIN = [
    AtomicType(name)
    for name in ("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DATE")
]
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
_NAMES = _TEXTS.filter(lambda name: bool(name))

ATOMS = st.one_of(
    st.sampled_from([*_PLAIN, STRING, BYTES, AtomicType("VARIANT"), AtomicType("BLOB")]),
    st.builds(
        AtomicType,
        st.sampled_from(["CHAR", "VARCHAR", "BINARY", "VARBINARY"]),
        length=st.integers(1, 2**31 - 1),
    ),
    st.builds(
        AtomicType,
        st.sampled_from(["TIME", "TIMESTAMP", "TIMESTAMP_LTZ"]),
        precision=st.integers(0, 9),
    ),
    _decimals(),
)


def _fields(types: st.SearchStrategy[DataType]) -> st.SearchStrategy[list[DataField]]:
    return st.lists(
        st.builds(
            DataField,
            st.just(UNASSIGNED_ID),
            _NAMES,
            types,
            st.none() | _TEXTS,
            st.none() | _TEXTS,
        ),
        max_size=4,
        unique_by=lambda field: field.name,
    )


def _nullable(types: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    return st.builds(lambda t, n: t.with_nullable(n), types, st.booleans())


def _wrap(types: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    return _nullable(
        st.one_of(
            st.builds(ArrayType, types),
            st.builds(MultisetType, types),
            st.builds(MapType, types, types),
            st.builds(VectorType, types, st.integers(1, 100)),
            _fields(types).map(lambda fields: RowType(tuple(fields))),
        )
    )


TYPES = st.recursive(_nullable(ATOMS), _wrap, max_leaves=8)


@given(TYPES)
def test_parse_reads_back_the_sql_of_any_type(data_type: DataType) -> None:
    assert parse_type(data_type.sql()) == data_type


@given(TYPES)
def test_parse_ignores_case_and_spacing(data_type: DataType) -> None:
    if any(isinstance(part, RowType) for part in data_type.walk()):
        return  # names and comments of fields keep their case
    text = data_type.sql().lower().replace("(", " ( ").replace("<", " < ").replace(",", " , ")
    assert parse_type(f"  {text}\n") == data_type


@given(_fields(TYPES))
def test_json_reads_back_any_type_with_its_ids(fields: list[DataField]) -> None:
    numbered, _ = assign_ids(fields)
    row = RowType(numbered)
    assert type_from_json(json.loads(json.dumps(type_to_json(row)))) == row


@given(TYPES)
def test_arrow_type_survives_the_way_through_data_types(data_type: DataType) -> None:
    arrow = to_arrow(data_type)
    widened = to_arrow(from_arrow(arrow, nullable=data_type.nullable))
    assert _shape(widened) == _shape(arrow)


def _shape(arrow: pa.DataType) -> object:
    """An Arrow type with a fixed-size list seen as a list."""
    if pa.types.is_fixed_size_list(arrow) or pa.types.is_list(arrow):
        return ["list", arrow.value_field.nullable, _shape(arrow.value_type)]
    if pa.types.is_map(arrow):
        nullable = arrow.item_field.nullable
        return ["map", _shape(arrow.key_type), nullable, _shape(arrow.item_type)]
    if pa.types.is_struct(arrow):
        return [(f.name, f.nullable, f.metadata, _shape(f.type)) for f in arrow]
    return arrow
