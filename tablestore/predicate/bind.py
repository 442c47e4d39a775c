"""A predicate against the columns of a schema: names and types checked, constants fitted.

After binding, each column carries its Arrow type and each constant is a value that the column can
hold, in the one representation that ``prune`` and ``evaluate`` share (drawn in ``prune``).

Rules: integers, decimals and floats compare by value, whatever their types; a float constant
against a DECIMAL column stands for its shortest decimal text (0.1 is 0.1). A FLOAT column is
compared in DOUBLE when the constant is no FLOAT, so ``f = 0.1`` is never true, as in Spark.
Text constants against DATE, TIME and TIMESTAMP columns are read in ISO form. A TIMESTAMP WITH LOCAL
TIME ZONE takes constants with or without an offset; without one they are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import pyarrow as pa

from tablestore.errors import InvalidInputError, nearest
from tablestore.predicate import acero, nodes
from tablestore.predicate.fit import (
    Family,
    family_of,
    float_of,
    form_of,
    grid_of,
    holds,
    measure,
    on_grid,
    read_text,
    same_in_arrow,
    storage_type,
)
from tablestore.predicate.like import check_pattern
from tablestore.predicate.literal import NULL, Literal
from tablestore.predicate.nodes import Column, Predicate
from tablestore.predicate.snap import snap
from tablestore.predicate.sql import to_sql
from tablestore.predicate.traverse import map_leaves

Types: TypeAlias = "pa.Schema | Mapping[str, pa.DataType]"
_COMPARABLE = (
    {Family.INTEGER, Family.DECIMAL, Family.FLOAT},
    {Family.DATE, Family.TIMESTAMP, Family.ZONED},
)


def bind(predicate: Predicate, schema: Types) -> Predicate:
    """The predicate with its columns found and its constants fitted to them.

    Binding a bound predicate again changes nothing.

    Args:
        predicate: as built, parsed or coerced.
        schema: an Arrow schema, or the Arrow type of each column by name.

    Raises:
        InvalidInputError: an unknown column (with the nearest name), or a comparison of types
            that do not compare.
    """
    types = _types(schema)

    def leaf(node: Predicate) -> Predicate:
        match node:
            case nodes.Compare(_, column, value):
                return node if column.type is not None else _compare(node, value, types)
            case nodes.In(column):
                return node if column.type is not None else _in(node, types)
            case nodes.Like(column) | nodes.IsNull(column) | nodes.Fixed(column):
                return node if column.type is not None else _column_test(node, types)
            case nodes.Opaque(bound=False):
                return _opaque(node, types)
            case _:
                return node

    return map_leaves(predicate, leaf)


def _types(schema: Types) -> Mapping[str, pa.DataType]:
    if isinstance(schema, pa.Schema):
        return {
            name: storage_type(kind) for name, kind in zip(schema.names, schema.types, strict=True)
        }
    return {name: storage_type(kind) for name, kind in schema.items()}


def _found(column: Column, types: Mapping[str, pa.DataType]) -> Column:
    kind = types.get(column.name)
    if kind is None:
        raise InvalidInputError(
            f"the filter names an unknown column {column.name!r}{nearest(column.name, types)}",
            column=column.name,
        )
    return Column(column.name, kind)


def _compare(
    node: nodes.Compare, value: Literal | Column, types: Mapping[str, pa.DataType]
) -> Predicate:
    column = _found(node.column, types)
    if isinstance(value, Column):
        return _compare_columns(node.op, column, _found(value, types))
    return fitted(node.op, column, value)


def _compare_columns(op: str, left: Column, right: Column) -> Predicate:
    one, two = family_of(left.type), family_of(right.type)
    if one is Family.NESTED or (one is not two and not any({one, two} <= c for c in _COMPARABLE)):
        raise InvalidInputError(
            f"column {left.name!r} ({left.type}) cannot be compared with column {right.name!r} "
            f"({right.type})"
        )
    return nodes.Compare(op, left, right)


def fitted(op: str, column: Column, value: Literal) -> Predicate:
    """``column op value`` for a found column, with a value that the column can hold."""
    if value.is_null:
        return nodes.Constant(None)
    value = _readable(column, value)
    family = family_of(column.type)
    if family is Family.FLOAT:
        return _fitted_float(op, column, value)
    grid = grid_of(column.type)
    if grid is None:
        return nodes.Compare(op, column, value)
    measured = measure(value, family)
    assert measured is not None
    whole = isinstance(measured, float) or grid.unit == 1
    units = measured if whole else measured / grid.unit
    answer = snap(op, units, grid.low, grid.high)
    if isinstance(answer, bool):
        return nodes.Fixed(column, answer)
    return nodes.Compare(answer[0], column, on_grid(answer[1], column.type))


def _fitted_float(op: str, column: Column, value: Literal) -> Predicate:
    number = float_of(value)
    assert number is not None
    if op in {"=", "!="} and not holds(number, column.type):
        return nodes.Fixed(column, op == "!=")
    return nodes.Compare(op, column, Literal(number, "float"))


def _readable(column: Column, value: Literal) -> Literal:
    """The constant, read from text where the column is none.

    Raises:
        InvalidInputError: they do not compare.
    """
    family = family_of(column.type)
    read = value
    if isinstance(value.value, str) and family is not Family.TEXT:
        found = read_text(value.value, family)
        wanted = form_of(family)
        if wanted and (found is None or not _compares(found, family)):
            raise InvalidInputError(
                f"column {column.name!r} is {column.type}: expected {wanted} to compare with, "
                f"found {to_sql(value)}"
            )
        read = found or value
    if not _compares(read, family):
        raise InvalidInputError(
            f"column {column.name!r} is {column.type}, which cannot be compared with "
            f"{to_sql(value)}"
        )
    return read


def _compares(value: Literal, family: Family) -> bool:
    match family:
        case Family.BOOLEAN | Family.TEXT | Family.BYTES:
            names = {Family.BOOLEAN: "bool", Family.TEXT: "str", Family.BYTES: "bytes"}
            return value.kind == names[family]
        case Family.FLOAT:
            return float_of(value) is not None
        case Family.NESTED:
            return False
        case _:
            return measure(value, family) is not None


def _in(node: nodes.In, types: Mapping[str, pa.DataType]) -> Predicate:
    column = _found(node.column, types)
    values: list[Literal] = []
    for value in node.values:
        found = nodes.Constant(None) if value.is_null else fitted("=", column, value)
        if isinstance(found, nodes.Compare) and isinstance(found.value, Literal):
            values.append(found.value)
        elif isinstance(found, nodes.Constant):
            values.append(NULL)
    kept = tuple(dict.fromkeys(values))
    if not kept:  # no value is one the column can hold
        return nodes.Fixed(column, truth=False)
    return nodes.Constant(None) if kept == (NULL,) else nodes.In(column, kept)


def _column_test(
    node: nodes.Like | nodes.IsNull | nodes.Fixed, types: Mapping[str, pa.DataType]
) -> Predicate:
    column = _found(node.column, types)
    if isinstance(node, nodes.Like):
        check_pattern(node.pattern)
        if family_of(column.type) is not Family.TEXT:
            raise InvalidInputError(
                f"column {column.name!r} is {column.type}: like is for text columns"
            )
    return replace(node, column=column)


def _opaque(node: nodes.Opaque, types: Mapping[str, pa.DataType]) -> Predicate:
    found = [_found(Column(outer), types) for _, outer in node.fields]
    sample = {inner: column.type for (inner, _), column in zip(node.fields, found, strict=True)}
    acero.check(node.expression, sample)
    return replace(node, shape=map_leaves(node.shape, lambda n: _shape(n, types)), bound=True)


def _shape(node: Predicate, types: Mapping[str, pa.DataType]) -> Predicate:
    """A leaf of a shape, bound where pyarrow means by it what SQL does, else anything."""
    values: tuple[object, ...] = ()
    if isinstance(node, nodes.Compare):
        values = (node.value,)
    elif isinstance(node, nodes.In):
        values = node.values
    elif isinstance(node, (nodes.Constant, nodes.Anything)):
        return node
    kind = types[node.column.name]  # type: ignore[attr-defined]
    for value in values:
        if not isinstance(value, Literal) or not (value.is_null or same_in_arrow(value, kind)):
            return nodes.Anything()
    try:
        return bind(node, types)
    except InvalidInputError:
        return nodes.Anything()
