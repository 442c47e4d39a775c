"""Text and bytes as lanes: a few words of each value as numbers, ties told apart by the rest.

Most texts that are keys differ within 16 bytes behind what all of them begin with. Only those that
do not are compared in full, so the order is that of the whole values.

Source: ``org.apache.paimon.data.BinaryString#compareTo`` (unsigned bytes; a prefix comes first).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.merge.orders import group_starts, pack, stable_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lane = NDArray[np.uint64]

_WORD: Final = 8
_LANES_MAX: Final = 2
"""Words that are lanes: the numbers of a third one are rarely looked at."""
_SHARED_MAX: Final = 128
"""Bytes that all values begin with and that are skipped word by word."""
_REST_MAX: Final = 128
"""Bytes behind the lanes that equal values are compared by word by word; longer ones are hashed."""
_KEPT: Final = np.array(
    [(1 << 64) - (1 << 8 * (_WORD - count)) for count in range(_WORD + 1)], dtype=np.uint64
)
"""Bits of the first bytes of a word, by how many they are."""


def text_lanes(column: pa.Array) -> list[Lane]:
    """Lanes of a column without nulls; comparable within one call only."""
    if not len(column):
        return [np.zeros(0, dtype=np.uint64)]
    text = _Text(column)
    lanes: list[Lane] = []
    at = 0
    while at < text.longest and len(lanes) < _LANES_MAX and (lanes or at < _SHARED_MAX):
        word = text.word(at)
        differing = int(np.bitwise_or.reduce(word ^ word[0]))
        if differing:
            shared = (64 - differing.bit_length()) // 8
            if shared and at + _WORD < text.longest:
                at += shared
                word = text.word(at)
            lanes.append(word)
        at += _WORD
    if not lanes:
        lanes.append(np.zeros(len(column), dtype=np.uint64))
    if at < text.longest or text.ends_in_zeros():
        lanes += _ties(column, text, lanes, at)
    return lanes


class _Text:
    """The bytes of the values.

    Args:
        column: text or bytes without nulls, at least one.
    """

    def __init__(self, column: pa.Array) -> None:
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        bytes_ = np.frombuffer(data or b"", np.uint8)[int(ends[0]) : int(ends[-1])]
        if len(bytes_) < _WORD:
            bytes_ = np.append(bytes_, np.zeros(_WORD, dtype=np.uint8))
        self._bytes = bytes_
        self._starts = ends[:-1].astype(np.int64) - int(ends[0])
        self._lengths = np.diff(ends)
        self.longest = int(self._lengths.max())
        self._shortest = int(self._lengths.min())
        # a word at each byte
        self._words = np.ndarray((len(bytes_) - _WORD + 1,), ">u8", bytes_, 0, (1,))

    def word(self, skip: int, rows: NDArray[np.intp] | None = None) -> Lane:
        """Eight bytes of each value behind the first ones; zeros behind a value's end.

        Args:
            skip: bytes before.
            rows: of which values; None for all.
        """
        if rows is None and self._shortest == self.longest >= skip + _WORD:
            shape, stride = len(self._starts), self.longest
            alike = np.ndarray((shape,), ">u8", self._bytes, skip, (stride,))
            return alike.astype(np.uint64)
        starts = self._starts if rows is None else self._starts[rows]
        at = starts + skip
        if self._shortest >= skip + _WORD:
            return self._words[at].astype(np.uint64)
        begin = np.minimum(at, len(self._words) - 1)
        word = self._words[begin].astype(np.uint64)
        # the last word of all bytes is read for what would go beyond it
        word <<= (8 * np.minimum(at - begin, _WORD - 1)).astype(np.uint64)
        lengths = self._lengths if rows is None else self._lengths[rows]
        word &= _KEPT[np.clip(lengths - skip, 0, _WORD)]
        return word

    def ends_in_zeros(self) -> bool:
        """Whether zeros behind a value's end may be taken for those of another."""
        if self._shortest == self.longest:
            return False
        some = self._lengths > 0
        last = self._starts[some] + self._lengths[some] - 1
        return bool((self._bytes[last] == 0).any())

    def alike(self, left: NDArray[np.intp], right: NDArray[np.intp], skip: int) -> bool:
        """Whether pairs of values that agree in their first bytes are equal, all of them."""
        if bool((self._lengths[left] != self._lengths[right]).any()):
            return False
        if self.longest - skip > _REST_MAX:
            return False
        for at in range(skip, self.longest, _WORD):
            if bool((self.word(at, left) != self.word(at, right)).any()):
                return False
        return True


def _ties(column: pa.Array, text: _Text, lanes: list[Lane], at: int) -> list[Lane]:
    """A lane that tells values apart that are equal in the lanes; none where they are equal."""
    words = pack(lanes)
    order = stable_order(words)
    starts = group_starts(words, order)
    again = np.flatnonzero(~starts)
    if not len(again) or text.alike(order[again - 1], order[again], at):
        return []
    tied = ~starts
    tied[again - 1] = True
    rows = order[tied]
    lane = np.zeros(len(column), dtype=np.uint64)
    lane[rows] = ranks_of_text(column.take(pa.array(rows)))
    return [lane]


def ranks_of_text(column: pa.Array) -> Lane:
    """The rank of each value among the distinct ones."""
    encoded = column.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.uint64)
    rank[order] = np.arange(len(order), dtype=np.uint64)
    lane: Lane = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return lane
