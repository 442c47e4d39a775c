"""Roaring bitmaps in the portable serialization, as sorted numpy arrays.

::

    int32 12346 | int32 containers                           without run containers
    or int32 12347 | (containers - 1) << 16, then one bit a container: is it a run container
    per container: uint16 high bits | uint16 values - 1
    per container: uint32 offset                             not where there are runs and < 4
    containers: up to 4096 uint16 values, or 8192 bytes of bits,
                or uint16 runs and per run (uint16 first, uint16 length - 1)

All little-endian. Decoding checks everything itself: the length is found on the way (several
bitmaps stand back to back in the files that use them) and nothing is allocated before its size
is known to be allowed. Encoding is pyroaring's.

Source: the RoaringFormatSpec; ``org.apache.paimon.utils.RoaringBitmap32``.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.errors import CorruptDataError
from tablestore.format.byte_rows import ByteRows, edges_of, fixed_rows, joined_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

MAX_VALUES: Final = 1 << 26
"""Values that one bitmap may hold when the caller knows no smaller bound."""

_NO_RUNS: Final = 12346
_RUNS: Final = 12347
_ARRAY_MAX: Final = 4096
_BITS_BYTES: Final = 8192
_OFFSETS_FROM: Final = 4
_U16: Final = np.dtype("<u2")

Part = tuple[int, "NDArray[np.uint16]"]


def encode_bitmap(values: ArrayLike) -> bytes:
    """The portable bytes of a set of values below 2**32, with run containers where they pay."""
    from pyroaring import BitMap

    # from an array.array it copies; a numpy array it would take value by value
    bitmap = BitMap(array("I", np.ascontiguousarray(values, dtype=np.uint32).tobytes()))
    bitmap.run_optimize()
    data: bytes = bitmap.serialize()
    return data


def encode_bitmaps(rows: NDArray[np.int64], edges: NDArray[np.int64]) -> ByteRows:
    """The portable bytes of many sets, each as ``encode_bitmap`` gives them.

    Args:
        rows: the values of all sets, ascending within a set.
        edges: set ``i`` is ``rows[edges[i]:edges[i + 1]]``; none is empty.
    """
    containers = _Containers.of(rows, edges)
    plain = containers.plain_sets()
    made = _array_sets(containers, rows, edges, plain)
    others = np.flatnonzero(~plain)
    rest = [encode_bitmap(rows[edges[index] : edges[index + 1]]) for index in others]
    lengths = np.fromiter(map(len, rest), np.int64, len(rest))
    data = np.concatenate([made.data, np.frombuffer(b"".join(rest), dtype=np.uint8)])
    places = edges_of(np.concatenate([made.lengths, lengths]))
    back = np.argsort(np.concatenate([np.flatnonzero(plain), others]))
    return ByteRows(data, places).take(back)


@dataclass(frozen=True, slots=True)
class _Containers:
    """The containers of many sets: where each begins among all values, its set, its runs."""

    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    owners: NDArray[np.int64]
    runs: NDArray[np.int64]
    sets: int

    @classmethod
    def of(cls, rows: NDArray[np.int64], edges: NDArray[np.int64]) -> _Containers:
        owners = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        begins = np.ones(len(rows), dtype=np.bool_)
        begins[1:] = (owners[1:] != owners[:-1]) | (rows[1:] >> 16 != rows[:-1] >> 16)
        breaks = begins.copy()
        breaks[1:] |= rows[1:] != rows[:-1] + 1
        starts = np.flatnonzero(begins)
        sizes = np.diff(np.append(starts, len(rows)))
        runs = np.add.reduceat(breaks.astype(np.int64), starts) if len(starts) else sizes
        return cls(starts, sizes, owners[starts], runs, len(edges) - 1)

    def plain_sets(self) -> NDArray[np.bool_]:
        """Sets whose containers are all arrays: few values, and no shorter as runs."""
        other = (self.sizes > _ARRAY_MAX) | (2 + 4 * self.runs < 2 * self.sizes)
        plain: NDArray[np.bool_] = np.bincount(self.owners[other], minlength=self.sets) == 0
        return plain


def _array_sets(
    containers: _Containers,
    rows: NDArray[np.int64],
    edges: NDArray[np.int64],
    chosen: NDArray[np.bool_],
) -> ByteRows:
    """The chosen sets; all their containers are arrays."""
    some = chosen[containers.owners]
    counts = np.bincount(containers.owners, minlength=containers.sets)[chosen]
    first = edges_of(counts)
    sizes = containers.sizes[some]
    within = edges_of(sizes)[:-1]
    before = within - np.repeat(within[first[:-1]], counts)
    heads = np.stack([rows[containers.starts[some]] >> 16, sizes - 1], axis=1).astype(_U16)
    offsets = (8 * np.repeat(counts, counts) + 8 + 2 * before).astype("<u4")
    low = (rows[np.repeat(chosen, np.diff(edges))] & 0xFFFF).astype(_U16)
    cookies = np.stack([np.full(len(counts), _NO_RUNS), counts], axis=1).astype("<u4")
    return joined_rows(
        [
            fixed_rows(cookies),
            ByteRows(fixed_rows(heads).data, 4 * first),
            ByteRows(fixed_rows(offsets).data, 4 * first),
            ByteRows(fixed_rows(low).data, 2 * edges_of(np.diff(edges)[chosen])),
        ]
    )


def decode_bitmap(
    data: bytes | memoryview, offset: int = 0, *, what: str = "bitmap", limit: int = MAX_VALUES
) -> tuple[NDArray[np.uint32], int]:
    """The values of the bitmap that begins at an offset, ascending, and where it ends.

    Args:
        data: bytes with the bitmap in them.
        offset: where it begins.
        what: the kind of object, for messages.
        limit: the most values that it may hold.

    Raises:
        CorruptDataError: these bytes are no bitmap, or it holds more values.
    """
    walk = _Walk(data, offset, what)
    parts = walk.containers(limit)
    if not parts:
        return np.empty(0, dtype=np.uint32), walk.at
    out = np.empty(sum(len(low) for _, low in parts), dtype=np.uint32)
    at = 0
    for high, low in parts:
        out[at : at + len(low)] = low
        out[at : at + len(low)] += np.uint32(high << 16)
        at += len(low)
    return out, walk.at


class _Walk:
    """One pass over a serialized bitmap."""

    def __init__(self, data: bytes | memoryview, offset: int, what: str) -> None:
        self._data = data
        self._what = what
        self.at = offset

    def containers(self, limit: int) -> list[Part]:
        """High bits and ascending low bits of every container."""
        start = self.at
        count, is_run = self._head()
        header = self._numbers(2 * count).reshape(count, 2)
        high = header[:, 0]
        if count > 1 and not bool((high[1:] > high[:-1]).all()):
            self._bad("containers in ascending order", "others", start)
        if is_run is None or count >= _OFFSETS_FROM:
            self._take(4 * count)  # offsets, for random access
        # values of run containers show in their runs only; all the others count before they cost
        left = limit
        parts: list[Part] = []
        for index in range(count):
            values = int(header[index, 1]) + 1
            left -= values
            if left < 0:
                self._bad(f"at most {limit} values", "more", start)
            run = is_run is not None and bool(is_run[index])
            read = self._reader(values, is_run=run)
            parts.append((int(high[index]), read(values)))
        return parts

    def _reader(self, values: int, *, is_run: bool) -> Callable[[int], NDArray[np.uint16]]:
        if is_run:
            return self._run_container
        return self._array_container if values <= _ARRAY_MAX else self._bits_container

    def _head(self) -> tuple[int, NDArray[np.uint8] | None]:
        start = self.at
        cookie = int.from_bytes(self._take(4), "little")
        if cookie == _NO_RUNS:
            count = int.from_bytes(self._take(4), "little")
            if count > 1 << 16:
                self._bad("at most 65536 containers", count, start)
            return count, None
        if cookie & 0xFFFF != _RUNS:
            self._bad("a Roaring bitmap", f"cookie {cookie}", start)
        count = (cookie >> 16) + 1
        flags = np.frombuffer(self._take((count + 7) // 8), dtype=np.uint8)
        return count, np.unpackbits(flags, bitorder="little")

    def _array_container(self, values: int) -> NDArray[np.uint16]:
        start = self.at
        low = self._numbers(values)
        if values > 1 and not bool((low[1:] > low[:-1]).all()):
            self._bad("ascending values", "others", start)
        return low

    def _bits_container(self, values: int) -> NDArray[np.uint16]:
        start = self.at
        packed = np.frombuffer(self._take(_BITS_BYTES), dtype=np.uint8)
        low = np.flatnonzero(np.unpackbits(packed, bitorder="little")).astype(np.uint16)
        if len(low) != values:
            self._bad(f"{values} values", len(low), start)
        return low

    def _run_container(self, values: int) -> NDArray[np.uint16]:
        start = self.at
        runs = int.from_bytes(self._take(2), "little")
        pairs = self._numbers(2 * runs).reshape(runs, 2).astype(np.int64)
        first, length = pairs[:, 0], pairs[:, 1] + 1
        ends = first + length
        if not runs or int(ends[-1]) > 1 << 16 or bool((first[1:] < ends[:-1]).any()):
            self._bad("ascending runs", "others", start)
        if int(length.sum()) != values:
            self._bad(f"{values} values", int(length.sum()), start)
        before = np.cumsum(length) - length
        low = np.repeat(first - before, length) + np.arange(values)
        return low.astype(np.uint16)

    def _numbers(self, count: int) -> NDArray[np.uint16]:
        return np.frombuffer(self._take(2 * count), dtype=_U16)

    def _take(self, length: int) -> bytes | memoryview:
        end = self.at + length
        if self.at < 0 or end > len(self._data):
            self._bad(f"{length} more bytes", len(self._data) - self.at, self.at)
        part = self._data[self.at : end]
        self.at = end
        return part

    def _bad(self, expected: str, found: object, offset: int) -> None:
        raise CorruptDataError(self._what, offset=offset, expected=expected, found=found)
