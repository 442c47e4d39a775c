"""A column of one type as another: the casts that a changed column may need, exactly as in Java.

::

    numbers    among each other, from BOOLEAN, to BOOLEAN (integers only), from and to text
    text       from everything; to everything
    bytes      from and to text, cut and padded
    moments    timestamps to dates, times, seconds, timestamps; dates, times, seconds to timestamps
    nested     to text, from text

What is not here has no rule: such a change of type is refused when the table is altered.

Source: ``org.apache.paimon.casting.CastExecutors``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.runs import cast_moments, cast_numbers, cast_text
from tablestore.runs.cast_nested import nested_to_text, text_to_nested
from tablestore.types.model import MAX_LENGTH, ArrayType, AtomicType, DataType, MapType, RowType

Rule = Callable[[pa.Array, AtomicType, AtomicType], pa.Array]

_FAMILIES: Final = {
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INT": "integer",
    "BIGINT": "integer",
    "FLOAT": "real",
    "DOUBLE": "real",
    "DECIMAL": "decimal",
    "BOOLEAN": "boolean",
    "CHAR": "text",
    "VARCHAR": "text",
    "BINARY": "bytes",
    "VARBINARY": "bytes",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "stamp",
    "TIMESTAMP_LTZ": "stamp",
}
_RULES: Final[dict[tuple[str, str], Rule]] = {
    ("integer", "integer"): cast_numbers.integer_to_integer,
    ("integer", "real"): cast_numbers.to_real,
    ("integer", "decimal"): cast_numbers.whole_to_decimal,
    ("integer", "boolean"): cast_numbers.integer_to_boolean,
    ("integer", "text"): cast_text.plain_to_text,
    ("integer", "stamp"): cast_moments.seconds_to_stamp,
    ("real", "integer"): cast_numbers.real_to_integer,
    ("real", "real"): cast_numbers.to_real,
    ("real", "decimal"): cast_numbers.real_to_decimal,
    ("real", "text"): cast_text.spelled_to_text,
    ("decimal", "integer"): cast_numbers.decimal_to_integer,
    ("decimal", "real"): cast_numbers.to_real,
    ("decimal", "decimal"): cast_numbers.decimal_to_decimal,
    ("decimal", "text"): cast_text.spelled_to_text,
    ("boolean", "integer"): cast_numbers.boolean_to_integer,
    ("boolean", "real"): cast_numbers.to_real,
    ("boolean", "decimal"): cast_numbers.whole_to_decimal,
    ("boolean", "text"): cast_text.plain_to_text,
    ("text", "boolean"): cast_text.text_to_boolean,
    ("text", "integer"): cast_text.text_to_integer,
    ("text", "real"): cast_text.text_to_real,
    ("text", "decimal"): cast_text.text_to_decimal,
    ("text", "text"): cast_text.text_to_text,
    ("text", "bytes"): cast_text.text_to_bytes,
    ("text", "date"): cast_text.moment_from_text,
    ("text", "time"): cast_text.moment_from_text,
    ("text", "stamp"): cast_text.moment_from_text,
    ("bytes", "text"): cast_text.bytes_to_text,
    ("bytes", "bytes"): cast_text.bytes_to_bytes,
    ("date", "text"): cast_text.spelled_to_text,
    ("date", "stamp"): cast_moments.date_to_stamp,
    ("time", "text"): cast_text.spelled_to_text,
    ("time", "stamp"): cast_moments.time_to_stamp,
    ("stamp", "integer"): cast_moments.stamp_to_seconds,
    ("stamp", "text"): cast_text.stamp_to_text,
    ("stamp", "date"): cast_moments.stamp_to_date,
    ("stamp", "time"): cast_moments.stamp_to_time,
    ("stamp", "stamp"): cast_moments.stamp_to_stamp,
}
_SECONDS: Final = frozenset({"INT", "BIGINT"})
_MOMENTS: Final = frozenset({"date", "time", "stamp"})


def has_cast(old: DataType, new: DataType) -> bool:
    """Whether values of one type become values of the other by a rule, nullability aside."""
    if old.with_nullable(True) == new.with_nullable(True):
        return True
    if isinstance(old, AtomicType) and isinstance(new, AtomicType):
        return _rule(old, new) is not None
    if isinstance(new, AtomicType):
        return _family(new) == "text" and isinstance(old, ArrayType | MapType | RowType)
    text = isinstance(old, AtomicType) and _family(old) == "text"
    return text and isinstance(new, ArrayType | MapType | RowType)


def cast(array: pa.Array, old: DataType, new: DataType, name: str) -> pa.Array:
    """A column as another type; null stays null.

    Args:
        array: values of ``old`` in its Arrow type.
        old: what they are.
        new: what to make of them.
        name: of the column, for messages.

    Raises:
        UnsupportedFormatError: no rule leads from one type to the other.
        CorruptDataError: a value has no counterpart, e.g. text that is no number.
    """
    if old.with_nullable(True) == new.with_nullable(True):
        return array
    if not has_cast(old, new):
        raise UnsupportedFormatError(
            f"column {name!r} was changed from {old} to {new}, for which there is no cast",
            feature="type change",
        )
    try:
        if isinstance(old, AtomicType) and isinstance(new, AtomicType):
            rule = _rule(old, new)
            assert rule is not None  # has_cast said so
            return rule(array, old, new)
        if isinstance(new, AtomicType):
            return nested_to_text(array, old, name, cast)
        return text_to_nested(array, new, name, cast)
    except CorruptDataError as error:
        if error.name:
            raise
        raise CorruptDataError(
            "column", name=name, expected=error.expected, found=error.found
        ) from error
    except pa.ArrowInvalid as error:
        raise CorruptDataError(
            "column", name=name, expected=f"values of {new}", found=str(error)[:200]
        ) from error


def _family(kind: AtomicType) -> str:
    return _FAMILIES.get(kind.name, "")


def _rule(old: AtomicType, new: AtomicType) -> Rule | None:
    families = _family(old), _family(new)
    if families in {("integer", "stamp"), ("stamp", "integer")}:
        return _RULES[families] if {old.name, new.name} & _SECONDS else None
    if families[0] in _MOMENTS and families[1] == "text":
        # dates and times have no text of limited length
        return _RULES[families] if new.name == "VARCHAR" and new.length == MAX_LENGTH else None
    return _RULES.get(families)
