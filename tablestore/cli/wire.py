"""Arrow values to and from the text that JSON lines and CSV can carry.

=====================  =======================================
dates, times           ISO text, ``2026-11-01``, ``10:11:12.500``
timestamps             ISO text, ``2026-11-01T10:11:12.500``, with a zone ``...Z``
bytes                  base64 text
maps                   a list of ``{"key": ..., "value": ...}``
decimals               a text on the way out, text or number on the way in
=====================  =======================================

What ``to_text`` makes of a column, ``from_text`` of the column's type takes back.

Cost: work on whole columns, none a row.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_INVALID, _PADDING = 255, 254


def _six_bits() -> np.ndarray:
    table = np.full(256, _INVALID, dtype=np.uint8)
    table[np.frombuffer(_ALPHABET, dtype=np.uint8)] = np.arange(64, dtype=np.uint8)
    table[ord("=")] = _PADDING
    return table


_SIX_BITS = _six_bits()


def text_type(arrow_type: pa.DataType) -> pa.DataType:
    """The Arrow type in which JSON text carries values of a type."""
    if is_textual(arrow_type) or pa.types.is_binary(arrow_type):
        return pa.string()
    if pa.types.is_map(arrow_type):
        return pa.list_(
            pa.struct(
                [
                    pa.field("key", text_type(arrow_type.key_type)),
                    pa.field("value", text_type(arrow_type.item_type)),
                ]
            )
        )
    if pa.types.is_list(arrow_type) or pa.types.is_fixed_size_list(arrow_type):
        return pa.list_(text_type(arrow_type.value_type))
    if pa.types.is_struct(arrow_type):
        return pa.struct([pa.field(part.name, text_type(part.type)) for part in arrow_type])
    return arrow_type


def csv_type(arrow_type: pa.DataType) -> pa.DataType:
    """The Arrow type in which a CSV field carries values of a type."""
    if pa.types.is_binary(arrow_type) or pa.types.is_nested(arrow_type):
        return pa.string()
    return arrow_type


def is_textual(arrow_type: pa.DataType) -> bool:
    """Whether JSON carries values of the type as ISO text."""
    return bool(
        pa.types.is_date(arrow_type)
        or pa.types.is_time(arrow_type)
        or pa.types.is_timestamp(arrow_type)
    )


def to_text(array: pa.Array) -> pa.Array:
    """A column with dates, times and timestamps as ISO text, and maps as lists of pairs.

    Bytes and decimals stay what they are: the JSON printer knows them.
    """
    kind = array.type
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(array.cast(pa.string()), pattern=" ", replacement="T")
    if is_textual(kind):
        return array.cast(pa.string())
    if pa.types.is_map(kind):
        entries = {"key": to_text(array.keys), "value": to_text(array.items)}
        pairs = pa.StructArray.from_arrays(list(entries.values()), names=list(entries))
        return _lists(array, pairs)
    if pa.types.is_fixed_size_list(kind):
        return to_text(array.cast(pa.list_(kind.value_type)))
    if pa.types.is_list(kind):
        return _lists(array, to_text(array.values))
    if pa.types.is_struct(kind):
        return _struct(array, [to_text(array.field(place)) for place in range(kind.num_fields)])
    return array


def from_text(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The column of type ``target`` that a column of type ``text_type(target)`` carries.

    Raises:
        InvalidInputError: A text is not what the type demands.
    """
    if array.type == target:
        return array
    if pa.types.is_binary(target):
        return decode_base64(array)
    if pa.types.is_map(target):
        keys = from_text(array.values.field("key"), target.key_type)
        items = from_text(array.values.field("value"), target.item_type)
        maps = pa.MapArray.from_arrays(_offsets(array), keys, items)
        return maps.cast(target)
    if pa.types.is_list(target):
        return _lists(array, from_text(array.values, target.value_type)).cast(target)
    if pa.types.is_struct(target):
        parts = [
            from_text(array.field(place), target.field(place).type)
            for place in range(target.num_fields)
        ]
        return _struct(array, parts).cast(target)
    return _cast(array, target)


def _cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        if pa.types.is_time(target) and pa.types.is_string(array.type):
            # Arrow reads a time of day only as part of a timestamp.
            moments = pc.binary_join_element_wise("1970-01-01T", array, "")
            return moments.cast(pa.timestamp(target.unit)).cast(target)
        return array.cast(target)
    except pa.ArrowInvalid as error:
        raise InvalidInputError(f"expected {target}: {error}") from None


def _lists(array: pa.Array, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets(array), values)


def _offsets(array: pa.Array) -> pa.Array:
    # A null list is written into the offsets, which from_arrays reads back; only the last
    # offset, which no list begins at, must never be null.
    if array.null_count == 0:
        return array.offsets
    absent = pa.concat_arrays([array.is_null(), pa.array([False])])
    return pc.if_else(absent, pa.scalar(None, pa.int32()), array.offsets)


def _struct(array: pa.Array, parts: list[pa.Array]) -> pa.Array:
    mask = array.is_null() if array.null_count else None
    names = [part.name for part in array.type]
    return pa.StructArray.from_arrays(parts, names=names, mask=mask)


def decode_base64(array: pa.Array) -> pa.Array:
    """The bytes that base64 texts stand for.

    Raises:
        InvalidInputError: A text is not base64.
    """
    texts = pc.fill_null(array.cast(pa.string()), "")
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    starts = offsets - offsets[0]
    bad = np.flatnonzero(np.diff(starts) % 4)
    if not len(bad):
        bits = _SIX_BITS[data].reshape(-1, 4)
        bad = _bad_texts(bits, starts // 4)
    if len(bad):
        found = texts[int(bad[0])].as_py()
        raise InvalidInputError(f"expected bytes as base64 text, found {found!r}")
    kept = bits[:, 2:] != _PADDING
    high = np.where(bits == _PADDING, 0, bits)
    out = np.empty((len(bits), 3), dtype=np.uint8)
    out[:, 0] = high[:, 0] << 2 | high[:, 1] >> 4
    out[:, 1] = (high[:, 1] & 15) << 4 | high[:, 2] >> 2
    out[:, 2] = (high[:, 2] & 3) << 6 | high[:, 3]
    keep = np.column_stack([np.ones(len(bits), dtype=bool), kept])
    sizes = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])[starts // 4].astype(np.int32)
    values = pa.Array.from_buffers(
        pa.binary(), len(texts), [None, pa.py_buffer(sizes), pa.py_buffer(out[keep])]
    )
    return pc.if_else(array.is_null(), pa.scalar(None, pa.binary()), values)


def _bad_texts(bits: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Numbers of the texts with a foreign sign, or with padding that does not end them."""
    padded = bits == _PADDING
    wrong = (bits == _INVALID).any(axis=1) | padded[:, :2].any(axis=1)
    wrong |= padded[:, 2] & ~padded[:, 3]
    last = np.zeros(len(bits), dtype=bool)
    last[starts[1:][np.diff(starts) > 0] - 1] = True
    wrong |= padded.any(axis=1) & ~last
    return np.searchsorted(starts, np.flatnonzero(wrong), side="right") - 1
