"""Column values as file indexes keep them: whole numbers, IEEE floats or bytes, big-endian.

DATE is days, TIME milliseconds, TIMESTAMP milliseconds up to precision 3 and microseconds above,
DECIMAL its unscaled number, CHAR and VARCHAR their UTF-8. What does not fit into 64 bits exactly
(a precision above 18, timestamps above 6) has no such value here.

Source: ``org.apache.paimon.fileindex.bitmap.BitmapTypeVisitor``,
``rangebitmap.dictionary.chunked.KeyFactory``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.types.arrow import to_arrow
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.byte_reader import ByteReader

TEXT: Final = frozenset({"CHAR", "VARCHAR"})
FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_STORED: Final = {
    "BOOLEAN": "?",
    "TINYINT": ">i1",
    "SMALLINT": ">i2",
    "INT": ">i4",
    "DATE": ">i4",
    "TIME": ">i4",
    "BIGINT": ">i8",
    "DECIMAL": ">i8",
    "TIMESTAMP": ">i8",
    "TIMESTAMP_LTZ": ">i8",
    "FLOAT": ">f4",
    "DOUBLE": ">f8",
}
_EXACT_UP_TO: Final = {"DECIMAL": 18, "TIMESTAMP": 6, "TIMESTAMP_LTZ": 6}

Values = Any
"""Distinct values: a numpy array of the stored type, or a list of bytes."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """The different values of a column in a file.

    Attributes:
        values: without null.
        has_null: whether null is among the rows.
    """

    values: Values
    has_null: bool


def stored_type(data_type: DataType) -> np.dtype[Any] | None:
    """The big-endian type of stored values; None for text, which is an int32 length and bytes.

    Raises:
        UnsupportedFormatError: values of this type are not in such indexes, or not exactly.
    """
    if isinstance(data_type, AtomicType):
        if data_type.name in TEXT:
            return None
        exact = (data_type.precision or 0) <= _EXACT_UP_TO.get(data_type.name, 99)
        if data_type.name in _STORED and exact:
            return np.dtype(_STORED[data_type.name])
    raise UnsupportedFormatError(f"no file index over exact values of {data_type.sql()}")


def read_value(reader: ByteReader, dtype: np.dtype[Any] | None) -> Any:  # noqa: ANN401
    """The next stored value: bytes, or a numpy scalar."""
    if dtype is None:
        return reader.take(reader.integer())
    return reader.array(dtype, 1)[0]


def joined(values: Sequence[Any], dtype: np.dtype[Any] | None) -> Values:
    """Values read one by one as one sequence."""
    return list(values) if dtype is None else np.array(values, dtype=dtype)


def values_to_arrow(distinct: Distinct, data_type: DataType) -> pa.Array:
    """The different values as an Arrow array of the column's type, null among them."""
    target = to_arrow(data_type)
    if isinstance(distinct.values, list):
        array = _text(distinct.values, target)
    else:
        native = distinct.values.astype(distinct.values.dtype.newbyteorder("="))
        array = _fixed(native, target)
    return pa.concat_arrays([array, pa.nulls(1, target)]) if distinct.has_null else array


def _text(values: list[bytes], target: pa.DataType) -> pa.Array:
    """Text of its bytes.

    Raises:
        CorruptDataError: they are not UTF-8.
    """
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    array = pa.Array.from_buffers(pa.string(), len(values), buffers)
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        found = str(error)[:120]
        raise CorruptDataError("file index", expected="UTF-8 text", found=found) from None
    return array.cast(target)


def _fixed(native: NDArray[Any], target: pa.DataType) -> pa.Array:
    count = len(native)
    if pa.types.is_boolean(target):
        native = np.packbits(native, bitorder="little")
    elif pa.types.is_decimal(target):
        wide = np.empty((count, 2), dtype=np.int64)
        wide[:, 0] = native
        wide[:, 1] = native >> 63
        native = wide
    return pa.Array.from_buffers(target, count, [None, pa.py_buffer(native)])


def stored_numbers(array: pa.Array, data_type: DataType) -> NDArray[Any]:
    """Values of an array without nulls as numbers of the stored type, in native byte order.

    Raises:
        UnsupportedFormatError: text, or a type without such values.
    """
    dtype = stored_type(data_type)
    if dtype is None:
        raise UnsupportedFormatError(f"{data_type.sql()} is stored as text, not as numbers")
    array = array.cast(to_arrow(data_type))
    if pa.types.is_boolean(array.type):
        flags: NDArray[Any] = array.to_numpy(zero_copy_only=False)
        return flags.astype(np.bool_)
    data = array.buffers()[1]
    if pa.types.is_decimal(array.type):
        wide = np.frombuffer(data, dtype=np.int64).reshape(-1, 2)
        return wide[array.offset : array.offset + len(array), 0].copy()
    native = dtype.newbyteorder("=")
    numbers: NDArray[Any] = np.frombuffer(data, dtype=native)
    return numbers[array.offset : array.offset + len(array)]
