"""The folder of a partition: ``<name>=<value>/`` for each partition column.

Paimon does not store the folder, every reader spells it again from the values, so the text must
be exact. ``partition.legacy-name`` (default true) decides how dates and times are spelled.

Spec: null, empty and blank values share ``partition.default-name``; names and values are escaped.
FLOAT and DOUBLE depend on the JDK that wrote them (before 19 not always the shortest form), so
they are for reading tables that have them, never for new ones. TIMESTAMP_LTZ with
``partition.legacy-name=false`` is spelled in UTC, as a JVM in that zone does.

Source: ``org.apache.paimon.utils.InternalRowPartitionComputer``, ``PartitionPathUtils``.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_slots import BINARY_TYPES, TIMESTAMP_TYPES, Timestamp, Value
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.types.model import DataType

DEFAULT_PARTITION_NAME: Final = "__DEFAULT_PARTITION__"

_ESCAPES: Final = {
    code: f"%{code:02X}" for code in (*range(0x20), 0x7F, *map(ord, "\"#%'*/:=?\\{}[]^"))
}
_NOT_JAVA_SPACES: Final = "\u00a0\u2007\u202f"
_JAVA_CONTROL_SPACES: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f"
_DAYS_0000_TO_1970: Final = 719_468  # from 0000-03-01, the start of the computed calendar
_DAYS_IN_400_YEARS: Final = 146_097
_MILLIS_A_DAY: Final = 86_400_000


def partition_path(
    values: Sequence[Any],
    keys: Sequence[str],
    types: Sequence[DataType],
    default_name: str = DEFAULT_PARTITION_NAME,
    legacy: bool = True,  # noqa: FBT001  the fifth thing a caller knows of a table
) -> str:
    """The folder of a partition, ending in a slash; empty without partition columns.

    Args:
        values: the values, as ``decode_row`` gives them.
        keys: the partition columns' names.
        types: their types.
        default_name: ``partition.default-name``.
        legacy: ``partition.legacy-name``.

    Raises:
        UnsupportedFormatError: a type that has no text.
    """
    return "".join(
        f"{escape(key)}={escape(partition_text(value, kind, legacy=legacy) or default_name)}/"
        for key, value, kind in zip(keys, values, types, strict=True)
    )


def partition_text(value: Value, kind: DataType, *, legacy: bool = True) -> str | None:
    """The text of a partition value before escaping; ``None`` for null, empty and blank ones."""
    if value is None:
        return None
    text = _text(value, kind, legacy=legacy)
    return text if any(not is_java_whitespace(c) for c in text) else None


def escape(text: str) -> str:
    """The text with the characters that folders cannot have as ``%XX``."""
    return text.translate(_ESCAPES)


def is_java_whitespace(character: str) -> bool:
    """Java's ``Character.isWhitespace``, which is not ``str.isspace``."""
    if unicodedata.category(character) in ("Zs", "Zl", "Zp"):
        return character not in _NOT_JAVA_SPACES
    return character in _JAVA_CONTROL_SPACES


def _text(value: Value, kind: DataType, *, legacy: bool) -> str:
    if isinstance(kind, AtomicType):
        spell = _PLAIN.get(kind.name) or (_LEGACY if legacy else _MODERN).get(kind.name)
        if spell is not None:
            return spell(value, kind.precision or 0)
    how = "partition.legacy-name=true" if legacy else "partition.legacy-name=false"
    raise UnsupportedFormatError(f"a partition column of type {kind.sql()} has no text with {how}")


def java_float(value: float, *, single: bool) -> str:
    """``Double.toString`` or ``Float.toString`` of JDK 19 and later."""
    if math.isnan(value):
        return "NaN"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if math.isinf(value) or value == 0:
        return sign + ("Infinity" if value else "0.0")
    digits, exponent = _shortest(abs(value), single=single)
    if -3 <= exponent < 7:
        whole = digits[: exponent + 1].ljust(exponent + 1, "0") if exponent >= 0 else "0"
        part = digits[exponent + 1 :] if exponent >= 0 else "0" * (-exponent - 1) + digits
        return f"{sign}{whole}.{part or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _shortest(value: float, *, single: bool) -> tuple[str, int]:
    """Digits without trailing zeros, and the exponent of the first."""
    number: Any = np.float32(value) if single else np.float64(value)
    text = np.format_float_scientific(number, unique=True, trim="-")
    mantissa, exponent = text.split("e")
    if len(mantissa) == 1:  # of two digits the nearest is taken, where one would do
        nearest = f"{value:.1e}"
        if type(number)(nearest) == number:
            mantissa, exponent = nearest.split("e")
    return mantissa.replace(".", "").rstrip("0"), int(exponent)


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day number, in years that ``datetime`` does not have too."""
    era, day_of_era = divmod(days + _DAYS_0000_TO_1970, _DAYS_IN_400_YEARS)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153  # from March
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year_of_era + era * 400 + (month <= 2), month, day


def _date(days: int, _: int = 0) -> str:
    year, month, day = _civil(days)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


def _clock(millis: int) -> str:
    seconds = millis // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _time(millis: int, precision: int) -> str:
    if precision == 0:
        return _clock(millis)
    fraction = f"{millis % 1000:03d}".rstrip("0")[:precision]
    return f"{_clock(millis)}.{fraction or '0'}"


def _split(value: Timestamp) -> tuple[str, int, int]:
    """The date, milliseconds of the day, nanoseconds of the second."""
    days, millis = divmod(value[0], _MILLIS_A_DAY)
    return _date(days), millis, millis % 1000 * 1_000_000 + value[1]


def _iso_timestamp(value: Timestamp, _: int) -> str:
    """``LocalDateTime.toString``: no zero seconds, a fraction of 3, 6 or 9 digits."""
    date, millis, nanos = _split(value)
    clock = _clock(millis)
    if millis // 1000 % 60 == 0 and nanos == 0:
        return f"{date}T{clock[:5]}"
    fraction = f"{nanos:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{date}T{clock}" + (f".{fraction}" if fraction else "")


def _sql_timestamp(value: Timestamp, precision: int) -> str:
    """At least ``precision`` digits of a second, more where they are not zero."""
    date, millis, nanos = _split(value)
    digits = f"{nanos:09d}"
    fraction = digits[:precision] + digits[precision:].rstrip("0")
    return f"{date} {_clock(millis)}" + (f".{fraction}" if fraction else "")


def _plain_text(value: Value, _: int) -> str:
    return str(value)


_Spell = Callable[[Any, int], str]  # value and precision
_PLAIN: Final[dict[str, _Spell]] = {
    "BOOLEAN": lambda value, _: "true" if value else "false",
    "FLOAT": lambda value, _: java_float(value, single=True),
    "DOUBLE": lambda value, _: java_float(value, single=False),
    "DECIMAL": lambda value, _: format(value, "f"),
    **dict.fromkeys(("CHAR", "VARCHAR", "TINYINT", "SMALLINT", "INT", "BIGINT"), _plain_text),
}
_LEGACY: Final[dict[str, _Spell]] = {
    **dict.fromkeys(("DATE", "TIME"), _plain_text),
    **dict.fromkeys(TIMESTAMP_TYPES, _iso_timestamp),
}
_MODERN: Final[dict[str, _Spell]] = {
    "DATE": _date,
    "TIME": _time,
    **dict.fromkeys(TIMESTAMP_TYPES, _sql_timestamp),
    **dict.fromkeys(BINARY_TYPES, lambda value, _: str(value, "utf-8", "replace")),
}
