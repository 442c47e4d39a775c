"""Deletion vectors: which rows of a data file are deleted, and the index files that hold them.

::

    index file   byte version = 1, then vectors back to back
    V1           int32 size | int32 magic 1581511376 | portable Roaring bitmap | int32 CRC-32
                 all framing big-endian; size = 4 + bitmap; positions below 2**31
    V2           int32 size | int32 LE magic 1681511377 | int64 LE number of bitmaps
                 | per bitmap: int32 LE high bits, portable Roaring bitmap | int32 CRC-32
                 keys 0, 1, 2, ... (gaps hold empty bitmaps); since 1.2, ``bitmap64``

The CRC covers what ``size`` counts. An index manifest gives each vector's offset and length: V1
without the 8 bytes of size and CRC, V2 with them. A position is the ordinal of a row in its file.

Source: ``org.apache.paimon.deletionvectors.DeletionVector``, ``BitmapDeletionVector``,
``Bitmap64DeletionVector``, ``DeletionVectorsIndexFile``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.index_manifest import DeletionVectorRange
from tablestore.format.roaring import MAX_VALUES, decode_bitmap, encode_bitmap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

INDEX_FILE_VERSION: Final = 1
V1_MAGIC: Final = (1581511376).to_bytes(4, "big")
V2_MAGIC: Final = (1681511377).to_bytes(4, "little")

_V1_POSITIONS: Final = 1 << 31
_V2_BITMAPS: Final = 1 << 10  # 4.4e12 rows; each gap below the highest position costs 12 bytes
_FRAMING: Final = 8
_SIZE_MAX: Final = 512 << 20
_WHAT: Final = "deletion vector"


def encode_vector(positions: ArrayLike, *, bitmap64: bool = False) -> bytes:
    """One framed vector.

    Args:
        positions: row ordinals, in any order.
        bitmap64: write V2.

    Raises:
        UnsupportedFormatError: a position is beyond what the version holds.
    """
    rows = np.unique(np.asarray(positions, dtype=np.int64))
    limit = _V2_BITMAPS << 32 if bitmap64 else _V1_POSITIONS
    if len(rows) and (rows[0] < 0 or rows[-1] >= limit):
        raise UnsupportedFormatError(
            f"a deletion vector of version {2 if bitmap64 else 1} holds rows 0 to {limit - 1}, not "
            f"{rows[0] if rows[0] < 0 else rows[-1]}"
        )
    body = _v2_body(rows) if bitmap64 else V1_MAGIC + encode_bitmap(rows)
    return len(body).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _v2_body(rows: NDArray[np.int64]) -> bytes:
    count = int(rows[-1] >> 32) + 1 if len(rows) else 0
    edges = np.searchsorted(rows, np.arange(count + 1, dtype=np.int64) << 32)
    parts = [V2_MAGIC, count.to_bytes(8, "little")]
    for key in range(count):
        low = rows[edges[key] : edges[key + 1]] & 0xFFFFFFFF
        parts += [key.to_bytes(4, "little"), encode_bitmap(low)]
    return b"".join(parts)


def decode_vector(
    data: bytes, offset: int = 0, *, rows: int | None = None, name: str | None = None
) -> tuple[NDArray[np.int64], int]:
    """The positions of a framed vector, ascending, and where it ends.

    Args:
        data: bytes with the vector in them.
        offset: where it begins.
        rows: rows of the data file, where known; bounds positions and memory.
        name: the index file's name, for messages.

    Raises:
        CorruptDataError: framing, checksum or bitmap are wrong, or a position is no row.
    """
    try:
        return _decode_vector(data, offset, rows)
    except CorruptDataError as error:
        raise error.named(name) if name else error from None


def _decode_vector(data: bytes, offset: int, rows: int | None) -> tuple[NDArray[np.int64], int]:
    body = _framed(data, offset)  # the data up to the checksum: offsets stay those of the file
    limit = MAX_VALUES if rows is None else min(rows, MAX_VALUES)
    at = offset + 4
    magic = bytes(body[at : at + 4])
    if magic == V1_MAGIC:
        found, stop = decode_bitmap(body, at + 4, what=_WHAT, limit=limit)
        positions = found.astype(np.int64)
    elif magic == V2_MAGIC:
        positions, stop = _v2_positions(body, at + 4, limit)
    else:
        raise CorruptDataError(
            _WHAT, offset=at, expected="magic 5e43f2d0 or d1d33964", found=magic.hex()
        )
    if stop != len(body):
        raise CorruptDataError(
            _WHAT, offset=stop, expected="the end of the vector", found="more bytes"
        )
    if rows is not None and len(positions) and int(positions[-1]) >= rows:
        raise CorruptDataError(
            _WHAT, offset=at, expected=f"rows below {rows}", found=int(positions[-1])
        )
    return positions, stop + 4


def _framed(data: bytes, offset: int) -> memoryview:
    size = int.from_bytes(data[offset : offset + 4], "big") if offset >= 0 else -1
    start = offset + 4
    left = len(data) - start - 4
    if not 4 <= size <= min(left, _SIZE_MAX):
        raise CorruptDataError(
            _WHAT, offset=offset, expected=f"a size of 4 to {max(left, 4)}", found=size
        )
    end = start + size
    real = zlib.crc32(memoryview(data)[start:end])
    said = int.from_bytes(data[end : end + 4], "big")
    if real != said:
        raise CorruptDataError(_WHAT, offset=end, expected=f"CRC {real:08x}", found=f"{said:08x}")
    return memoryview(data)[:end]


def _v2_positions(body: memoryview, at: int, limit: int) -> tuple[NDArray[np.int64], int]:
    left = len(body) - at
    count = int.from_bytes(body[at : at + 8], "little", signed=True)
    if left < 8 or not 0 <= count <= (left - 8) // 12:
        raise CorruptDataError(_WHAT, offset=at, expected="a number of bitmaps", found=count)
    at += 8
    last = -1
    parts = [np.empty(0, dtype=np.int64)]
    for _ in range(count):
        key = int.from_bytes(body[at : at + 4], "little", signed=True)
        if key <= last:
            raise CorruptDataError(_WHAT, offset=at, expected=f"a key above {last}", found=key)
        low, at = decode_bitmap(body, at + 4, what=_WHAT, limit=limit)
        limit -= len(low)
        parts.append(low.astype(np.int64) + (key << 32))
        last = key
    return np.concatenate(parts), at


def encode_index_file(
    vectors: Mapping[str, ArrayLike], *, bitmap64: bool = False
) -> tuple[bytes, tuple[DeletionVectorRange, ...]]:
    """An index file and where each data file's vector lies in it.

    Args:
        vectors: positions by name of the data file. Without any, the file has its version only.
        bitmap64: write V2.
    """
    parts = [INDEX_FILE_VERSION.to_bytes(1, "big")]
    ranges = []
    at = 1
    for data_file, positions in vectors.items():
        framed = encode_vector(positions, bitmap64=bitmap64)
        length = len(framed) if bitmap64 else len(framed) - _FRAMING
        deleted = len(np.unique(np.asarray(positions, dtype=np.int64)))
        ranges.append(DeletionVectorRange(data_file, at, length, deleted))
        parts.append(framed)
        at += len(framed)
    return b"".join(parts), tuple(ranges)


def framed_vector(data: bytes, place: DeletionVectorRange, *, name: str | None = None) -> bytes:
    """The bytes of one data file's vector with its framing, to be written elsewhere.

    Raises:
        CorruptDataError: the vector is damaged, or is not what the manifest says.
    """
    read_vector(data, place, name=name)
    return data[place.offset : decode_vector(data, place.offset, name=name)[1]]


def join_vectors(
    vectors: Iterable[tuple[DeletionVectorRange, bytes]],
) -> tuple[bytes, tuple[DeletionVectorRange, ...]]:
    """An index file of vectors that were framed before, and where each of them lies in it."""
    parts = [INDEX_FILE_VERSION.to_bytes(1, "big")]
    ranges = []
    at = 1
    for place, framed in vectors:
        ranges.append(replace(place, offset=at))
        parts.append(framed)
        at += len(framed)
    return b"".join(parts), tuple(ranges)


def check_index_file(data: bytes, name: str | None = None) -> None:
    """Refuse bytes that are no index file of deletion vectors.

    Raises:
        CorruptDataError: it is empty.
        UnsupportedFormatError: another version.
    """
    if not data:
        raise CorruptDataError("index file", name=name, offset=0, expected="a version", found="")
    if data[0] != INDEX_FILE_VERSION:
        raise UnsupportedFormatError(
            f"index file {name or ''} of deletion vectors has version {data[0]}; this version "
            f"reads {INDEX_FILE_VERSION}"
        )


def read_vector(
    data: bytes,
    place: DeletionVectorRange,
    *,
    rows: int | None = None,
    name: str | None = None,
) -> NDArray[np.int64]:
    """The positions of one data file from a whole index file.

    Args:
        data: the index file.
        place: where the index manifest says that the vector lies.
        rows: rows of the data file, where known.
        name: the index file's name, for messages.

    Raises:
        CorruptDataError: the vector is damaged, or is not what the manifest says.
    """
    positions, end = decode_vector(data, place.offset, rows=rows, name=name)
    framed = end - place.offset
    is_v1 = data[place.offset + 4 : place.offset + 8] == V1_MAGIC
    length = framed - _FRAMING if is_v1 else framed
    if length != place.length:
        raise CorruptDataError(
            _WHAT, name=name, offset=place.offset, expected=f"{place.length} bytes", found=length
        )
    if place.cardinality is not None and place.cardinality != len(positions):
        raise CorruptDataError(
            _WHAT,
            name=name,
            offset=place.offset,
            expected=f"{place.cardinality} positions",
            found=len(positions),
        )
    return positions


def decode_index_file(
    data: bytes, ranges: Iterable[DeletionVectorRange], name: str | None = None
) -> dict[str, NDArray[np.int64]]:
    """All vectors of an index file by name of their data file.

    Raises:
        CorruptDataError: a vector is damaged, or is not what the manifest says.
        UnsupportedFormatError: another version of the file.
    """
    check_index_file(data, name)
    return {place.data_file: read_vector(data, place, name=name) for place in ranges}
