"""Hashes of BinaryRows that are never built: columns in, one hash a row out.

The words of a row are fed column by column, first the null bits, then the slots, then the variable
parts; a text of many words is fed to a shrinking set of rows. Little-endian machines only, as
Arrow's buffers.

Source: ``org.apache.paimon.data.BinaryRow``; the layout is drawn in ``format/binary_row.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tablestore.kernels.hash import SEED, Int32s, UInt32s, finish, mix_word, mix_words
from tablestore.kernels.text_hash import mix_text_slots, mix_texts

Bools = NDArray[np.bool_]
UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]
UInt8s = NDArray[np.uint8]

_CHUNK_ROWS: Final = 1 << 15  # the state and its scratch stay in the cache
_INLINE_MAX: Final = 7
_LONG_TEXT_BYTES: Final = 4096  # from here on a few rows are quicker one by one
_FEW_ROWS: Final = 4
_TEXT_SECONDS: Final = 4e-8  # that compiled kernels spare, a text
_NO_NULLS: Final = np.zeros(0, dtype=np.bool_)
_KEEP: Final = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class FixedColumn:
    """Values that are whole slots.

    Attributes:
        slots: the 8 bytes of each slot as a number; zero where null.
        nulls: True where null; ``None`` for no nulls.
    """

    slots: UInt64s
    nulls: Bools | None = None


@dataclass(frozen=True, slots=True)
class ReservedColumn:
    """Values with a fixed place in the variable part, kept for nulls too.

    Attributes:
        low: low half of each slot; the offset is put above it. Zero where null.
        items: the words in the variable part; zero where null.
        nulls: True where null; ``None`` for no nulls.
    """

    low: UInt64s
    items: tuple[UInt64s, ...]
    nulls: Bools | None = None


@dataclass(frozen=True, slots=True)
class BytesColumn:
    """Text or binary values.

    Attributes:
        data: all bytes.
        starts: first byte of each value in ``data``.
        lengths: bytes of each value; zero where null.
        nulls: True where null; ``None`` for no nulls.
    """

    data: UInt8s
    starts: Int64s
    lengths: Int64s
    nulls: Bools | None = None


Column = FixedColumn | ReservedColumn | BytesColumn


def row_hashes(columns: Sequence[Column], rows: int) -> Int32s:
    """The hash of each row of these columns.

    Args:
        columns: the fields in order, ``rows`` values each.
        rows: number of rows.

    Shapes:
        out: (rows,) int32.
    """
    out = np.empty(rows, dtype=np.int32)
    compiled = _compiled(columns, rows)
    if not compiled:
        columns = [_padded(column) for column in columns]
    for start in range(0, rows, _CHUNK_ROWS):
        end = min(start + _CHUNK_ROWS, rows)
        part = [_slice(column, start, end) for column in columns]
        out[start:end] = _chunk_hashes(part, end - start, compiled=compiled)
    return out


def _compiled(columns: Sequence[Column], rows: int) -> bool:
    """Whether the compiled kernels for texts are used."""
    texts = sum(isinstance(column, BytesColumn) for column in columns)
    spared = texts * rows * _TEXT_SECONDS
    return texts > 0 and mix_text_slots.ready(spared) and mix_texts.ready(spared)


def _padded(column: Column) -> Column:
    """The column with 8 bytes more, so that words may be read from every place of a text."""
    if not isinstance(column, BytesColumn):
        return column
    return replace(column, data=np.concatenate([column.data, np.zeros(8, dtype=np.uint8)]))


def _slice(column: Column, start: int, end: int) -> Column:
    cut = slice(start, end)
    nulls = None if column.nulls is None else column.nulls[cut]
    match column:
        case FixedColumn():
            return FixedColumn(column.slots[cut], nulls)
        case ReservedColumn():
            return ReservedColumn(column.low[cut], tuple(i[cut] for i in column.items), nulls)
    return replace(column, starts=column.starts[cut], lengths=column.lengths[cut], nulls=nulls)


def _chunk_hashes(columns: Sequence[Column], rows: int, *, compiled: bool) -> Int32s:
    state = _null_state(columns, rows)
    offset: int | Int64s = _head_bytes(len(columns)) + 8 * len(columns)
    for column in columns:
        if compiled and isinstance(column, BytesColumn):
            offset = _mix_text_slots(state, column, offset)
            continue
        slots, offset = _slots(column, offset)
        _mix_both(state, slots)
    for column in columns:
        if isinstance(column, ReservedColumn):
            for item in column.items:
                _mix_both(state, item)
        elif isinstance(column, BytesColumn) and compiled:
            mix_texts(state, column.data, column.starts, column.lengths)
        elif isinstance(column, BytesColumn):
            _mix_long_values(state, column)
    return finish(state, offset if isinstance(offset, int) else offset.astype(np.uint32))


def _head_bytes(arity: int) -> int:
    return (arity + 63 + 8) // 64 * 8


def _null_words(columns: Sequence[Column]) -> list[int | UInt64s]:
    words: list[int | UInt64s] = [0] * (_head_bytes(len(columns)) // 8)
    for i, column in enumerate(columns):
        if column.nulls is not None and column.nulls.any():
            place, shift = divmod(8 + i, 64)  # the first byte is the row kind
            bits: UInt64s = column.nulls.astype(np.uint64) << np.uint64(shift)
            words[place] = bits | np.asarray(words[place], dtype=np.uint64)
    return words


def _null_state(columns: Sequence[Column], rows: int) -> UInt32s:
    words = _null_words(columns)
    common = SEED  # words that all rows share are fed once
    while words and isinstance(words[0], int):
        word = words.pop(0)
        common = mix_word(mix_word(common, int(word) & 0xFFFFFFFF), int(word) >> 32)
    state = np.full(rows, common, dtype=np.uint32)
    for bits in words:
        _mix_both(state, np.broadcast_to(np.asarray(bits, dtype=np.uint64), (rows,)))
    return state


def _mix_both(state: UInt32s, words: UInt64s) -> None:
    halves = np.ascontiguousarray(words).view(np.uint32)
    mix_words(state, halves[0::2])
    mix_words(state, halves[1::2])


def _slots(column: Column, offset: int | Int64s) -> tuple[UInt64s, int | Int64s]:
    match column:
        case FixedColumn():
            return column.slots, offset
        case ReservedColumn():
            slots = column.low | _shifted(offset)
            return slots, offset + 8 * len(column.items)
    lengths = column.lengths
    inline = lengths <= _INLINE_MAX
    short = _gather(column.data, column.starts, np.minimum(lengths, _INLINE_MAX + 1))
    short |= (lengths.astype(np.uint64) | np.uint64(0x80)) << np.uint64(56)
    if not inline.all():
        np.copyto(short, lengths.astype(np.uint64) | _shifted(offset), where=~inline)
        taken: Int64s = np.where(inline, np.int64(0), (lengths + 7) & np.int64(-8))
        offset = offset + taken
    if column.nulls is not None:
        short[column.nulls] = 0
    return short, offset


def _mix_text_slots(state: UInt32s, column: BytesColumn, offset: int | Int64s) -> Int64s:
    offsets = np.full(len(state), offset) if isinstance(offset, int) else offset.copy()
    nulls = _NO_NULLS if column.nulls is None else column.nulls
    mix_text_slots(state, column.data, column.starts, column.lengths, nulls, offsets)
    return offsets


def _shifted(offset: int | Int64s) -> UInt64s | np.uint64:
    if isinstance(offset, int):
        return np.uint64(offset << 32)
    shifted: UInt64s = offset.astype(np.uint64) << np.uint64(32)
    return shifted


def _gather(data: UInt8s, places: Int64s, lengths: Int64s) -> UInt64s:
    """The first ``lengths`` (0 to 8) bytes at each place as a number."""
    words: UInt64s = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    found: UInt64s = words[places]
    found &= _KEEP[lengths]
    return found


def _mix_long_values(state: UInt32s, column: BytesColumn) -> None:
    active = np.flatnonzero(column.lengths > _INLINE_MAX)
    places = column.starts[active]
    left = column.lengths[active]
    while len(active):
        if len(active) <= _FEW_ROWS and left.max() > _LONG_TEXT_BYTES:
            _mix_one_by_one(state, column.data, active, places, left)
            return
        words = _gather(column.data, places, np.minimum(left, 8))
        if len(active) == len(state):
            _mix_both(state, words)
        else:
            part = state[active]
            _mix_both(part, words)
            state[active] = part
        more = left > 8
        if not more.all():
            active, places, left = active[more], places[more], left[more]
        places = places + 8
        left = left - 8


def _mix_one_by_one(
    state: UInt32s, data: UInt8s, rows: Int64s, places: Int64s, left: Int64s
) -> None:
    for row, place, length in zip(rows.tolist(), places.tolist(), left.tolist(), strict=True):
        padded = np.zeros((length + 7) & -8, dtype=np.uint8)
        padded[:length] = data[place : place + length]
        value = int(state[row])
        for word in padded.view(np.uint32).tolist():
            value = mix_word(value, word)
        state[row] = value
