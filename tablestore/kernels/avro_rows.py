"""Avro records read into columns of numbers, for schemas without surprises.

A program says what a record is made of, one operation a value. Texts, bytes and lists stay where
they are: a column holds their place and length. Every step is checked against the end of the bytes,
and whatever is not as the program expects ends the reading: who called reads the bytes again by
other means, which say what is wrong.

Source: Avro specification, "Binary Encoding".
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tablestore.kernels.jit import kernel, part

# operations; a row of the program is (operation, slot or -1, a, b)
LONG: Final = 0  # slot: value
INT: Final = 1  # slot: value, which must fit 32 bits
BYTES: Final = 2  # slot, slot + 1: place, length
TEXT: Final = 3  # the same, checked to be UTF-8
FIXED: Final = 4  # a bytes, read over
BOOLEAN: Final = 5  # read over
OPTION: Final = 6  # slot: 1; or 0 at branch b, going on at operation a (less than 0 refuses)
PRESENT: Final = 7  # slot: 1; nothing is read
LIST: Final = 8  # slot..: place, length; items are operation a, null at branch b (-1 for never)

Int64s = NDArray[np.int64]

_LOGICAL: Final = 0x7FFFFFFFFFFFFFFF


@part
def _long(data, at, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """A zig-zag number and the place behind it, which is -1 where there is none."""
    value = np.int64(0)
    shift = np.int64(0)
    while at < end and shift < 70:
        byte = np.int64(data[at])
        at += 1
        if shift == 63 and byte > 1:
            break
        value |= (byte & 127) << shift
        if byte < 128:
            return ((value >> 1) & _LOGICAL) ^ -(value & 1), at
        shift += 7
    return np.int64(0), np.int64(-1)


@part
def _is_text(data, at, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    while at < end:
        first = np.int64(data[at])
        if first < 0x80:
            at += 1
            continue
        if first < 0xC2 or first > 0xF4:
            return False
        more = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if at + more >= end:
            return False
        low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
        high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
        if data[at + 1] < low or data[at + 1] > high:
            return False
        for place in range(at + 2, at + more + 1):
            if data[place] & 0xC0 != 0x80:
                return False
        at += more + 1
    return True


@part
def _value(data, at, end, operation, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """First number, second number and the place behind a value of one operation."""
    if operation == FIXED:
        return at, size, at + size if size <= end - at else np.int64(-1)
    if operation == BOOLEAN:
        return at, size, at + 1 if at < end and data[at] <= 1 else np.int64(-1)
    number, start = _long(data, at, end)
    if start < 0 or operation == LONG:
        return number, size, start
    if operation == INT:
        fits = -0x80000000 <= number <= 0x7FFFFFFF
        return number, size, start if fits else np.int64(-1)
    if number < 0 or number > end - start:
        return number, size, np.int64(-1)
    if operation == TEXT and not _is_text(data, start, start + number):
        return number, size, np.int64(-1)
    return start, number, start + number


@part
def _branch(data, at, end, null):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """1 for a value, 0 for null, -1 for neither, of a union of the two."""
    if at >= end or data[at] & 0xFD:
        return -1
    return 0 if data[at] == 2 * null else 1


@part
def _item(data, at, end, operation, null):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The place behind an item of a list, or -1."""
    if null >= 0:
        branch = _branch(data, at, end, null)
        if branch <= 0:
            return at + 1 if branch == 0 else np.int64(-1)
        at += 1
    return _value(data, at, end, operation, np.int64(0))[2]


@part
def _list(data, at, end, operation, null):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The place behind a list, or -1."""
    while True:
        count, at = _long(data, at, end)
        if at < 0 or count == 0:
            return at
        if count < at - end:
            return np.int64(-1)
        if count < 0:  # the size in bytes follows
            count = -count
            _, at = _long(data, at, end)
        if at < 0 or count > end - at:
            return np.int64(-1)
        for _ in range(count):
            at = _item(data, at, end, operation, null)
            if at < 0:
                return at


@part
def _store(out, slot, column, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if slot >= 0:
        out[slot, column] = value


@part
def _record(data, at, end, program, out, column):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The place behind a record, or -1."""
    step = 0
    while 0 <= step < len(program) and at >= 0:
        operation, slot = program[step, 0], program[step, 1]
        a, b = program[step, 2], program[step, 3]
        step += 1
        if operation == PRESENT:
            _store(out, slot, column, 1)
        elif operation == OPTION:
            branch = _branch(data, at, end, b)
            _store(out, slot, column, branch)
            if branch == 0:
                step = a
            at = at + 1 if branch >= 0 and step >= 0 else np.int64(-1)
        elif operation == LIST:
            start, at = at, _list(data, at, end, a, b)
            _store(out, slot, column, start)
            _store(out, slot + 1 if slot >= 0 else slot, column, at - start)
        else:
            first, second, at = _value(data, at, end, operation, a)
            _store(out, slot, column, first)
            if slot >= 0 and operation in (BYTES, TEXT):
                _store(out, slot + 1, column, second)
    return at


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, "
    "Array(int64, 2, 'C', readonly=True), int64[:, ::1], int64, int64)"
)
def read_records(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    program: Int64s,
    out: Int64s,
    row: int,
    count: int,
) -> int:
    """Reads records that must fill the bytes exactly.

    Args:
        data: bytes.
        at: where the records begin.
        end: where they must end.
        program: operations of one record; each non-negative slot is a row of ``out``.
        out: zeros, filled from column ``row`` on.
        row: the first column to fill.
        count: number of records.

    Returns:
        0; or 1 where the bytes are not such records.

    Shapes:
        program: (operations, 4); out: (slots, at least row + count).
    """
    for column in range(row, row + count):
        at = _record(data, at, end, program, out, column)
        if at < 0:
            return 1
    return 0 if at == end else 1
