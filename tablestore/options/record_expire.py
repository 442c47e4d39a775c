"""The options that let rows of primary-key tables expire.

Source: ``org.apache.paimon.io.RecordLevelExpire``, ``org.apache.paimon.schema.SchemaValidation``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from tablestore.errors import InvalidInputError, nearest
from tablestore.options.units import parse_duration_ms
from tablestore.options.values import OptionValues

EXPIRE_TIME: Final = "record-level.expire-time"
TIME_FIELD: Final = "record-level.time-field"
_KINDS: Final = ("INT", "BIGINT", "TIMESTAMP")
_KIND: Final = re.compile(r"[A-Z_]*")


@dataclass(frozen=True, slots=True)
class RecordExpireOptions:
    """When a row expires.

    Attributes:
        column: tells a row's time; a row without one never expires.
        kind: INT for seconds, BIGINT for seconds or milliseconds, TIMESTAMP with and without zone.
        seconds: a row expires so long after its time.
    """

    column: str
    kind: str
    seconds: int

    @classmethod
    def of(cls, options: Mapping[str, str], types: Mapping[str, str]) -> Self | None:
        """The options of a primary-key table; None where its rows never expire.

        Args:
            options: of the table.
            types: the SQL type of each column.

        Raises:
            InvalidInputError: a value is not of its type, there is no such column, or it tells no
                time.
        """
        values = OptionValues(options)
        column = check_time_field(options, types)
        lives_ms = values.maybe(EXPIRE_TIME, parse_duration_ms)
        if lives_ms is None:
            return None
        if column is None:
            raise InvalidInputError(
                f"option {EXPIRE_TIME!r} needs {TIME_FIELD!r}, the column that tells a row's time",
                option=EXPIRE_TIME,
            )
        return cls(column, _kind(types[column]), lives_ms // 1000)


def check_time_field(options: Mapping[str, str], types: Mapping[str, str]) -> str | None:
    """The column that tells a row's time; None where none is set.

    Args:
        options: of the table.
        types: the SQL type of each column.

    Raises:
        InvalidInputError: there is no such column, or it tells no time.
    """
    column = OptionValues(options).maybe(TIME_FIELD, str)
    if column is None:
        return None
    if column not in types:
        raise InvalidInputError(
            f"option {TIME_FIELD!r} names the column {column!r}, which the table does not have"
            f"{nearest(column, types)}",
            option=TIME_FIELD,
            column=column,
        )
    if _kind(types[column]) not in _KINDS:
        raise InvalidInputError(
            f"option {TIME_FIELD!r} names the column {column!r} of type {types[column]}; expected "
            "INT (seconds), BIGINT (seconds or milliseconds), TIMESTAMP or "
            "TIMESTAMP WITH LOCAL TIME ZONE",
            option=TIME_FIELD,
            column=column,
        )
    return column


def _kind(sql: str) -> str:
    found = _KIND.match(sql)
    return "" if found is None else found[0]
