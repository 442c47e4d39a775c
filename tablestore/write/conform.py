"""Bring input batches to the table's columns and types, or say in one sentence why not.

Values are converted only where nothing is lost; text is never parsed into numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError, nearest
from tablestore.types.arrow import to_arrow_schema
from tablestore.types.model import DataField, DataType
from tablestore.types.row_kind import SHORT_STRINGS
from tablestore.write.check import first_violation
from tablestore.write.convert import convert, misfit

if TYPE_CHECKING:
    from numpy.typing import NDArray

Missing = Literal["error", "null"]


@dataclass(frozen=True)
class ConformedBatch:
    """Rows in the table's columns.

    Attributes:
        rows: the table's columns in schema order.
        kinds: row kind of each row, or None where all are inserts.
    """

    rows: pa.RecordBatch
    kinds: NDArray[np.int8] | None


class Conformer:
    """Checks and converts the batches of one input.

    Args:
        table: the table's name, for messages.
        fields: the table's columns.
        source: the input's schema.
        row_kind: input column with "+I" "-U" "+U" "-D"; it is not stored.
        kind_field: column of the table that holds the row kind (``rowkind.field``).
        missing: "null" fills columns that the input lacks with null.
        required: columns that ``missing="null"`` does not excuse (the primary key).
        unchanged: columns that the input lacks are null, which changes nothing: no default value
            takes its place (tables that put a row together from several versions).

    Raises:
        InvalidInputError: the columns of the input do not fit the table.
    """

    def __init__(
        self,
        table: str,
        fields: Sequence[DataField],
        source: pa.Schema,
        *,
        row_kind: str | None = None,
        kind_field: str | None = None,
        missing: Missing = "error",
        required: Sequence[str] = (),
        unchanged: bool = False,
    ) -> None:
        self._table = table
        self._fields = tuple(fields)
        self._schema = to_arrow_schema(fields)
        self._row_kind = row_kind
        self._kind_field = kind_field
        self._rows_seen = 0
        if unchanged:
            missing = "null"
        self._defaults = {
            f.name: _default(table, f)
            for f in fields
            if f.default is not None and not (unchanged and f.name not in source.names)
        }
        self._check_kind_field()
        self._check_columns(source, missing, frozenset(required))
        for field in fields:
            index = source.get_field_index(field.name)
            if index >= 0:
                given, target = source.field(index).type, self._schema.field(field.name).type
                _check_types(table, field, given, target, fill=missing == "null")

    def _check_kind_field(self) -> None:
        name = self._kind_field
        if name is None:
            return
        if self._row_kind is not None:
            raise self._error(
                f"the row kinds are in the column {name!r} (option 'rowkind.field'); leave out "
                "row_kind="
            )
        field = next((field for field in self._fields if field.name == name), None)
        if field is None or not pa.types.is_string(self._schema.field(name).type):
            found = "no such column" if field is None else str(field.type)
            raise self._error(
                f"option 'rowkind.field' = {name!r}: expected a column of text, found {found}",
                column=name,
            )

    def _check_columns(self, source: pa.Schema, missing: Missing, required: frozenset[str]) -> None:
        names = [field.name for field in self._fields]
        twice = {name for name in source.names if source.names.count(name) > 1}
        if twice:
            raise self._error(f"the input has the column {min(twice)!r} more than once")
        if self._row_kind is not None and self._row_kind not in source.names:
            raise self._error(
                f"the row-kind column {self._row_kind!r} is not in the input"
                f"{nearest(self._row_kind, source.names)}"
            )
        extra = [n for n in source.names if n not in names and n != self._row_kind]
        if extra:
            raise self._error(
                f"the input has a column {extra[0]!r} that the table lacks"
                f"{nearest(extra[0], names)}; the table's columns are {', '.join(names)}",
                column=extra[0],
            )
        for field in self._fields:
            if field.name in source.names:
                continue
            if missing != "null":
                raise self._error(
                    f"the input lacks the column {field.name!r} ({field.type}); add it, or pass "
                    'missing="null" to fill it with nulls',
                    column=field.name,
                )
            if field.name in required or not field.type.nullable:
                raise self._error(
                    f"the input lacks the column {field.name!r} ({field.type}), which cannot be "
                    "null",
                    column=field.name,
                )

    def conform(self, batch: pa.RecordBatch) -> ConformedBatch:
        """The batch in the table's columns.

        Raises:
            InvalidInputError: names the first row whose value does not fit.
        """
        columns = []
        for field, target in zip(self._fields, self._schema, strict=True):
            index = batch.schema.get_field_index(field.name)
            if index < 0:
                column = pa.nulls(batch.num_rows, target.type)
            else:
                column = self._convert(batch.column(index), field, target)
            if field.name in self._defaults and column.null_count:
                column = column.fill_null(self._defaults[field.name])
            columns.append(column)
        rows = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        kinds = None
        if self._row_kind is not None:
            kinds = self._kinds(batch.column(self._row_kind), self._row_kind)
        elif self._kind_field is not None:  # of the stored values, so a default counts
            kinds = self._kinds(rows.column(self._kind_field), self._kind_field)
        self._rows_seen += batch.num_rows
        return ConformedBatch(rows, kinds)

    def _convert(self, array: pa.Array, field: DataField, target: pa.Field) -> pa.Array:
        if array.type != target.type:
            try:
                array = convert(array, target.type)
            except (pa.ArrowException, ValueError) as error:
                raise self._misfit(array, field, target.type) from error
        found = first_violation(array, field.type, field.name)
        if found is not None:
            row = self._rows_seen + found.row
            raise self._error(
                f"column {found.path!r}, row {row}: expected {found.expected}, found {found.found}",
                column=found.path,
                row=row,
                expected=found.expected,
                found=found.found,
            )
        return array

    def _misfit(self, array: pa.Array, field: DataField, target: pa.DataType) -> InvalidInputError:
        row = _first_misfit(array, target)
        shown = repr(array[row].as_py())[:80] if row < len(array) else str(array.type)
        return self._error(
            f"column {field.name!r}, row {self._rows_seen + row}: {shown} ({array.type}) cannot "
            f"become {field.type} without loss",
            column=field.name,
            row=self._rows_seen + row,
            expected=str(field.type),
            found=shown,
        )

    def _kinds(self, array: pa.Array, name: str) -> NDArray[np.int8]:
        plain = array.cast(pa.string()) if not pa.types.is_integer(array.type) else None
        if plain is None:
            codes = array.cast(pa.int32())
            codes = pc.if_else(pc.and_(pc.greater_equal(codes, 0), pc.less(codes, 4)), codes, None)
        else:
            codes = pc.index_in(plain, value_set=pa.array(SHORT_STRINGS))
        if codes.null_count:
            row = pc.index(codes.is_null(), value=True).as_py()
            raise self._error(
                f"row-kind column {name!r}, row {self._rows_seen + row}: expected one of "
                f"+I -U +U -D, found {array[row].as_py()!r}",
                column=name,
                row=self._rows_seen + row,
            )
        kinds: NDArray[np.int8] = codes.to_numpy(zero_copy_only=False).astype(np.int8)
        return kinds

    def _error(self, text: str, **detail: object) -> InvalidInputError:
        return InvalidInputError(f"table {self._table}: {text}", table=self._table, **detail)


def _first_misfit(array: pa.Array, target: pa.DataType) -> int:
    """The first row that does not convert (error path only: halving)."""
    low, high = 0, len(array)
    while low < high:
        middle = (low + high) // 2
        try:
            convert(array.slice(low, middle - low + 1), target)
        except (pa.ArrowException, ValueError):
            high = middle
        else:
            low = middle + 1
    return low


def _check_types(
    table: str, field: DataField, source: pa.DataType, target: pa.DataType, *, fill: bool
) -> None:
    hint = misfit(source, target, fill=fill)
    if hint is None:
        return
    raise InvalidInputError(
        f"table {table}, column {field.name!r}: expected {field.type} ({target}), found "
        f"{source}{'; ' + hint if hint else ''}",
        table=table,
        column=field.name,
        expected=str(field.type),
        found=str(source),
    )


def _default(table: str, field: DataField) -> pa.Scalar:
    target = to_arrow_schema([field]).field(0).type
    try:
        return pa.scalar(field.default).cast(target)
    except pa.ArrowException as error:
        raise InvalidInputError(
            f"table {table}, column {field.name!r}: the default {field.default!r} is not a "
            f"{field.type}"
        ) from error


def zero_values(data_type: DataType, target: pa.DataType, rows: int) -> pa.Array:
    """Values for a NOT NULL column of a delete row, whose content nobody reads."""
    if pa.types.is_nested(target):
        if pa.types.is_struct(target):
            members = [
                zero_values(child, field.type, rows)
                for child, field in zip(data_type.children, target, strict=True)
            ]
            return pa.StructArray.from_arrays(members, fields=list(target))
        return pa.array([[]], type=target).take(pa.array(np.zeros(rows, dtype=np.int64)))
    return pa.repeat(_zero(target), rows)


def _zero(target: pa.DataType) -> pa.Scalar:
    if pa.types.is_string(target) or pa.types.is_binary(target):
        return pa.scalar("", pa.string()).cast(target)
    if pa.types.is_timestamp(target):
        return pa.scalar(0, pa.int64()).cast(target)
    if pa.types.is_decimal(target):  # casting an integer asks for its full precision
        return pa.scalar(Decimal(0), target)
    return pa.scalar(0, pa.int32()).cast(target)
