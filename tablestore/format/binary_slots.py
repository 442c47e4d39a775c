"""The 8-byte slots of a BinaryRow, one class an encoding of atomic types.

Spec: ``binary_row`` draws the row. ``encode`` gives the slot and what is appended to the variable
part; ``decode`` finds the value from the slot's position.

Source: ``org.apache.paimon.data.AbstractBinaryWriter``, ``MemorySegmentUtils``.
"""

from __future__ import annotations

import struct
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol

from tablestore.errors import CorruptDataError, InvalidInputError, UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tablestore.types.model import AtomicType

Value = Any  # of one field, as the docstring of binary_row lists them

INLINE_MAX: Final = 7  # longest text or binary kept inside the slot
SMALL_DECIMAL_PRECISION: Final = 18  # decimals up to here are an int64
SMALL_TIMESTAMP_PRECISION: Final = 3  # timestamps up to here are an int64 of milliseconds
_WIDE: Final = Context(prec=60)
_REFERENCE: Final = struct.Struct("<II")
_LONG: Final = struct.Struct("<q")
_SHORT_DIGITS: Final = 18
"""Decimals of no more digits are one int64, and Java does not look at the digits of its sums."""
_NO_SLOT: Final = bytes(8)
_FLOAT_NAN: Final = bytes.fromhex("0000c07f00000000")
_DOUBLE_NAN: Final = bytes.fromhex("000000000000f87f")


class Timestamp(NamedTuple):
    """A point in time or local time, as exact as TIMESTAMP(9).

    Attributes:
        millis: milliseconds since 1970-01-01, may be negative.
        nanos_of_milli: 0 to 999,999 nanoseconds more.
    """

    millis: int
    nanos_of_milli: int = 0


class Slot(Protocol):
    """How values of one type sit in a slot.

    Attributes:
        width: bytes of an element in a BinaryArray.
    """

    width: int

    def encode(self, value: Value, offset: int) -> tuple[bytes, bytes]:
        """The slot, and what goes into the variable part, which begins at ``offset``."""

    def encode_null(self, offset: int) -> tuple[bytes, bytes]:
        """The same for null in a row; in an array null is a zero slot."""

    def decode(self, data: bytes, start: int, end: int, at: int) -> Value:
        """The value of the slot at ``at`` of the row or array ``data[start:end]``."""


def align(tail: bytes) -> bytes:
    """The bytes padded with zeros to a multiple of 8."""
    return tail + bytes(-len(tail) % 8)


def reference(offset: int, length: int) -> bytes:
    """The slot that points into the variable part."""
    return _REFERENCE.pack(length, offset)


def reject(at: int, expected: object, found: object) -> NoReturn:
    """Ends the reading of bytes that are not a BinaryRow.

    Raises:
        CorruptDataError: always.
    """
    raise CorruptDataError("BinaryRow", offset=at, expected=expected, found=found) from None


def referenced(data: bytes, start: int, end: int, at: int) -> tuple[int, int]:
    """First and last position of the bytes that the slot at ``at`` points to."""
    length, offset = _REFERENCE.unpack_from(data, at)
    first = start + offset
    if first + length > end:
        reject(at, f"a place inside {end - start} bytes", f"{length} bytes at {offset}")
    return first, first + length


class PlainNull:
    """Null is a zero slot and takes no other room."""

    def encode_null(self, offset: int) -> tuple[bytes, bytes]:
        """Nothing: the bit says it."""
        return _NO_SLOT, b""


class FixedSlot(PlainNull):
    """Numbers, booleans, dates, times and small timestamps."""

    def __init__(self, code: str, name: str, *, nan: bytes | None = None) -> None:
        self._struct = struct.Struct("<" + code)
        self._name = name
        self._nan = nan
        self.width = self._struct.size
        self._rest = bytes(8 - self.width)

    def encode(self, value: Value, offset: int) -> tuple[bytes, bytes]:
        if self._nan is not None and value != value:  # only NaN
            return self._nan, b""
        try:
            return self._struct.pack(value) + self._rest, b""
        except (struct.error, OverflowError):
            raise InvalidInputError(f"{value!r} is not a {self._name}") from None

    def decode(self, data: bytes, start: int, end: int, at: int) -> Value:
        return self._struct.unpack_from(data, at)[0]


class MillisSlot(PlainNull):
    """TIMESTAMP of at most 3 digits: milliseconds."""

    width = 8

    def encode(self, value: Timestamp, offset: int) -> tuple[bytes, bytes]:
        return _LONG.pack(value[0]), b""

    def decode(self, data: bytes, start: int, end: int, at: int) -> Timestamp:
        return Timestamp(_LONG.unpack_from(data, at)[0])


class NanosSlot:
    """TIMESTAMP of more than 3 digits: milliseconds apart, nanoseconds of them in the slot."""

    width = 8

    def encode(self, value: Timestamp, offset: int) -> tuple[bytes, bytes]:
        return reference(offset, value[1]), _LONG.pack(value[0])

    def encode_null(self, offset: int) -> tuple[bytes, bytes]:
        """The place stays reserved."""
        return reference(offset, 0), _NO_SLOT

    def decode(self, data: bytes, start: int, end: int, at: int) -> Timestamp:
        nanos, offset = _REFERENCE.unpack_from(data, at)
        first = start + offset
        if first + 8 > end:
            reject(at, f"a place inside {end - start} bytes", f"8 bytes at {offset}")
        if nanos > 999_999:
            reject(at, "0 to 999999 nanoseconds", nanos)
        return Timestamp(_LONG.unpack_from(data, first)[0], nanos)


class BytesSlot(PlainNull):
    """Text and binary: short ones in the slot."""

    width = 8

    def encode(self, value: bytes, offset: int) -> tuple[bytes, bytes]:
        length = len(value)
        if length <= INLINE_MAX:
            return value + bytes(INLINE_MAX - length) + bytes((0x80 | length,)), b""
        return reference(offset, length), bytes(value)

    def decode(self, data: bytes, start: int, end: int, at: int) -> Value:
        mark = data[at + 7]
        if mark < 0x80:
            first, last = referenced(data, start, end, at)
            return data[first:last]
        length = mark & 0x7F
        if length > INLINE_MAX:
            reject(at + 7, f"a length of 0 to {INLINE_MAX}", length)
        return data[at : at + length]


class TextSlot(BytesSlot):
    """CHAR, VARCHAR, STRING."""

    def encode(self, value: str, offset: int) -> tuple[bytes, bytes]:  # type: ignore[override]
        return super().encode(value.encode(), offset)

    def decode(self, data: bytes, start: int, end: int, at: int) -> str:
        text = super().decode(data, start, end, at)
        try:
            return str(text, "utf-8")
        except UnicodeDecodeError as e:
            reject(at, "UTF-8 text", hex(text[e.start]))


class SmallDecimalSlot(PlainNull):
    """DECIMAL of at most 18 digits: the unscaled value, whatever its digits, as Java has it."""

    width = 8

    def __init__(self, precision: int, scale: int) -> None:
        self._precision, self._scale = precision, scale

    def encode(self, value: Decimal, offset: int) -> tuple[bytes, bytes]:
        return _LONG.pack(unscaled(value, self._precision, self._scale)), b""

    def decode(self, data: bytes, start: int, end: int, at: int) -> Decimal:
        return scaled(_LONG.unpack_from(data, at)[0], self._scale)


class BigDecimalSlot:
    """DECIMAL of more than 18 digits: 16 bytes reserved, the shortest big-endian form in them."""

    width = 8

    def __init__(self, precision: int, scale: int) -> None:
        self._precision, self._scale = precision, scale

    def encode(self, value: Decimal, offset: int) -> tuple[bytes, bytes]:
        number = unscaled(value, self._precision, self._scale)
        bits = (~number if number < 0 else number).bit_length()
        data = number.to_bytes(bits // 8 + 1, "big", signed=True)
        return reference(offset, len(data)), data + bytes(16 - len(data))

    def encode_null(self, offset: int) -> tuple[bytes, bytes]:
        """The place stays reserved."""
        return reference(offset, 0), bytes(16)

    def decode(self, data: bytes, start: int, end: int, at: int) -> Decimal:
        first, last = referenced(data, start, end, at)
        if not 0 < last - first <= 16:
            reject(at, "a decimal of 1 to 16 bytes", last - first)
        return scaled(int.from_bytes(data[first:last], "big", signed=True), self._scale)


def scaled(number: int, scale: int) -> Decimal:
    """The decimal ``number`` / 10**``scale`` with exactly that scale."""
    return Decimal(number).scaleb(-scale, _WIDE)


def unscaled(value: Decimal, precision: int, scale: int) -> int:
    """The integer ``value`` * 10**``scale``.

    Raises:
        InvalidInputError: the value has more digits than DECIMAL(precision, scale), or does not fit
            64 bits where that has at most 18.
    """
    short = precision <= _SHORT_DIGITS
    low, high = (-(1 << 63), 1 << 63) if short else (1 - 10**precision, 10**precision)
    sign, digits, exponent = value.as_tuple()
    if isinstance(exponent, int):
        number = int("".join(map(str, digits)) or "0")
        shift = exponent + scale
        if number == 0:
            return 0
        if 0 <= shift <= precision + short:
            number, rest = number * 10**shift, 0
        else:
            number, rest = divmod(number, 10 ** min(-shift, len(digits))) if shift < 0 else (0, 1)
        number = -number if sign else number
        if rest == 0 and low <= number < high:
            return number
    raise InvalidInputError(f"{value} is not a DECIMAL({precision}, {scale})")


_FIXED: Final[dict[str, Callable[[], FixedSlot]]] = {
    "BOOLEAN": lambda: FixedSlot("?", "BOOLEAN"),
    "TINYINT": lambda: FixedSlot("b", "TINYINT"),
    "SMALLINT": lambda: FixedSlot("h", "SMALLINT"),
    "INT": lambda: FixedSlot("i", "INT"),
    "BIGINT": lambda: FixedSlot("q", "BIGINT"),
    "FLOAT": lambda: FixedSlot("f", "FLOAT", nan=_FLOAT_NAN),
    "DOUBLE": lambda: FixedSlot("d", "DOUBLE", nan=_DOUBLE_NAN),
    "DATE": lambda: FixedSlot("i", "DATE"),
    "TIME": lambda: FixedSlot("i", "TIME"),
}
TEXT_TYPES: Final = frozenset({"CHAR", "VARCHAR"})
BINARY_TYPES: Final = frozenset({"BINARY", "VARBINARY", "BLOB"})
TIMESTAMP_TYPES: Final = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})


def atomic_slot(kind: AtomicType) -> Slot:
    """The slot of an atomic type.

    Raises:
        UnsupportedFormatError: the type has no BinaryRow form here.
    """
    if kind.name in _FIXED:
        return _FIXED[kind.name]()
    if kind.name in TEXT_TYPES:
        return TextSlot()
    if kind.name in BINARY_TYPES:
        return BytesSlot()
    precision, scale = kind.precision or 0, kind.scale or 0
    if kind.name in TIMESTAMP_TYPES:
        return MillisSlot() if precision <= SMALL_TIMESTAMP_PRECISION else NanosSlot()
    if kind.name == "DECIMAL":
        if precision <= SMALL_DECIMAL_PRECISION:
            return SmallDecimalSlot(precision, scale)
        return BigDecimalSlot(precision, scale)
    raise UnsupportedFormatError(f"BinaryRow of {kind.sql()} is not supported")
