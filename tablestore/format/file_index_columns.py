"""The index of one column while its file is written: values in, bytes out.

A bloom filter takes the values as they come; the others need all of a file at its end.

Source: ``org.apache.paimon.fileindex.FileIndexer`` and the factories of each type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from tablestore.errors import UnsupportedFormatError
from tablestore.format.file_index import BITMAP, BLOOM_FILTER, BSI, RANGE_BITMAP
from tablestore.format.file_index_bitmap import BLOCK_BYTES, V2, encode_bitmap_index
from tablestore.format.file_index_bloom import DEFAULT_FPP, DEFAULT_ITEMS, BloomBuilder
from tablestore.format.file_index_bsi import encode_bsi
from tablestore.format.file_index_range import encode_range_bitmap
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    Settings = Mapping[str, Any]

_NO_BITMAP: Final = frozenset({"DECIMAL"})


class ColumnIndex(Protocol):
    """An index being built."""

    def add(self, array: pa.Array) -> None:
        """Takes the next rows of the file."""
        ...

    def finish(self) -> bytes:
        """The index of all of them."""
        ...


class _WholeColumn:
    """Keeps the values of a file and gives them to an encoder."""

    def __init__(self, encode: Callable[[pa.Array], bytes], kind: pa.DataType) -> None:
        self._encode = encode
        self._chunks = [pa.nulls(0, kind)]

    def add(self, array: pa.Array) -> None:
        self._chunks.append(array)

    def finish(self) -> bytes:
        return self._encode(pa.concat_arrays(self._chunks))


def check_indexable(kind: str, data_type: DataType, settings: Settings) -> None:
    """Refuse an index that cannot be built exactly as Java builds and reads it.

    Raises:
        UnsupportedFormatError: names the type of the column, or says what is too large.
    """
    index = column_index(kind, data_type, settings)
    if kind != BLOOM_FILTER:  # which has looked at the type already, and may be large
        index.finish()


def column_index(kind: str, data_type: DataType, settings: Settings) -> ColumnIndex:
    """An empty index.

    Args:
        kind: bloom-filter, bitmap, bsi or range-bitmap.
        data_type: of the values.
        settings: as ``file-index.<kind>.<column>.*`` name them.

    Raises:
        UnsupportedFormatError: values of this type cannot have it, or there is no such index.
    """
    make = _KINDS.get(kind)
    if make is None:
        raise UnsupportedFormatError(f"a file index of type {kind!r}")
    return make(data_type, settings)


def _bloom(data_type: DataType, settings: Settings) -> ColumnIndex:
    items, fpp = settings.get("items", DEFAULT_ITEMS), settings.get("fpp", DEFAULT_FPP)
    return BloomBuilder(data_type, items=items, fpp=fpp)


def _bitmap(data_type: DataType, settings: Settings) -> ColumnIndex:
    if isinstance(data_type, AtomicType) and data_type.name in _NO_BITMAP:
        raise UnsupportedFormatError(f"no bitmap index over {data_type.sql()}")
    version = settings.get("version", V2)
    block_bytes = settings.get("index-block-size", BLOCK_BYTES)

    def encode(array: pa.Array) -> bytes:
        return encode_bitmap_index(array, data_type, version=version, block_bytes=block_bytes)

    return _whole(encode, data_type)


def _bsi(data_type: DataType, settings: Settings) -> ColumnIndex:
    return _whole(lambda array: encode_bsi(array, data_type), data_type)


def _range(data_type: DataType, settings: Settings) -> ColumnIndex:
    size = settings.get("chunk-size")
    return _whole(lambda array: encode_range_bitmap(array, data_type, chunk_bytes=size), data_type)


def _whole(encode: Callable[[pa.Array], bytes], data_type: DataType) -> ColumnIndex:
    from tablestore.types.arrow import to_arrow

    return _WholeColumn(encode, to_arrow(data_type))


_KINDS: Final[Mapping[str, Callable[[DataType, Settings], ColumnIndex]]] = {
    BLOOM_FILTER: _bloom,
    BITMAP: _bitmap,
    BSI: _bsi,
    RANGE_BITMAP: _range,
}
