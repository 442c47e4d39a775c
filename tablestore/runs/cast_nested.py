"""ARRAY, MAP and ROW as text and back: ``[a, b]``, ``{k -> v}``, ``{v1, v2}``.

Source: ``org.apache.paimon.casting.ArrayToStringCastRule`` and its likes,
``StringToArrayCastRule`` and its likes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError
from tablestore.types.arrow import to_arrow
from tablestore.types.model import (
    STRING,
    ArrayType,
    DataType,
    MapType,
    RowType,
)

Cast = Callable[[pa.Array, DataType, DataType, str], pa.Array]
"""Array, old type, new type and the column's name to the array of the new type."""

_OPEN: Final = "[{("
_CLOSE: Final = "]})"
_FORMS: Final = {
    ArrayType: re.compile(r"\[(.*)\]|ARRAY\((.*)\)", re.DOTALL | re.IGNORECASE),
    MapType: re.compile(r"\{(.*)\}|MAP\((.*)\)", re.DOTALL | re.IGNORECASE),
    RowType: re.compile(r"\{(.*)\}|STRUCT\((.*)\)", re.DOTALL | re.IGNORECASE),
}


def nested_to_text(array: pa.Array, old: DataType, name: str, cast: Cast) -> pa.Array:
    """The text of every value; it is neither cut nor padded."""
    array = array if not array.offset else pa.concat_arrays([array, array.slice(0, 0)])
    if isinstance(old, RowType):
        members = [
            _text(array.field(index), field.type, f"{name}.{field.name}", cast)
            for index, field in enumerate(old.fields)
        ]
        return _framed("{", pc.binary_join_element_wise(*members, ", "), "}", array)
    if isinstance(old, ArrayType):
        items = _text(array.values, old.element, f"{name}.element", cast)
        return _framed("[", _joined(array, items), "]", array)
    assert isinstance(old, MapType)  # the caller's choice
    keys = _text(array.keys, old.key, f"{name}.key", cast)
    values = _text(array.items, old.value, f"{name}.value", cast)
    entries = pc.binary_join_element_wise(keys, values, " -> ")
    return _framed("{", _joined(array, entries), "}", array)


def _text(array: pa.Array, old: DataType, name: str, cast: Cast) -> pa.Array:
    return cast(array, old, STRING, name).fill_null("null")


def _joined(array: pa.Array, items: pa.Array) -> pa.Array:
    lists = pa.ListArray.from_arrays(array.offsets, items)
    return pc.binary_join(lists, ", ")


def _framed(left: str, texts: pa.Array, right: str, array: pa.Array) -> pa.Array:
    framed = pc.binary_join_element_wise(left, texts, right, "")
    if not array.null_count:
        return framed
    return pc.if_else(array.is_valid(), framed, pa.scalar(None, pa.string()))


def text_to_nested(array: pa.Array, new: DataType, name: str, cast: Cast) -> pa.Array:
    """The values that text spells, each distinct text once.

    Raises:
        CorruptDataError: text that is no such value.
    """
    coded = array.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    pieces = [_pieces(text, new) for text in texts]
    if isinstance(new, RowType):
        found = _rows(texts, pieces, new, name, cast)
    elif isinstance(new, ArrayType):
        items = _flat([piece for row in pieces for piece in row])
        values = cast(items, STRING, new.element, f"{name}.element")
        offsets = _offsets([len(row) for row in pieces])
        found = pa.ListArray.from_arrays(offsets, values, type=to_arrow(new))
    else:
        assert isinstance(new, MapType)  # the caller's choice
        found = _maps(pieces, new, name, cast)
    return found.take(coded.indices)


def _rows(
    texts: Sequence[str], pieces: list[list[str]], new: RowType, name: str, cast: Cast
) -> pa.Array:
    for text, row in zip(texts, pieces, strict=True):
        if len(row) != len(new.fields):
            _reject(text, new)
    members = [
        cast(_flat([row[index] for row in pieces]), STRING, field.type, f"{name}.{field.name}")
        for index, field in enumerate(new.fields)
    ]
    return pa.StructArray.from_arrays(members, fields=list(to_arrow(new)))


def _maps(pieces: list[list[str]], new: MapType, name: str, cast: Cast) -> pa.Array:
    rows = [dict(zip(row[::2], row[1::2], strict=True)) for row in pieces]
    keys = _flat([key for row in rows for key in row])
    items = _flat([value for row in rows for value in row.values()])
    return pa.MapArray.from_arrays(
        _offsets([len(row) for row in rows]),
        cast(keys, STRING, new.key, f"{name}.key"),
        cast(items, STRING, new.value, f"{name}.value"),
        type=to_arrow(new),
    )


def _flat(pieces: list[str]) -> pa.Array:
    return pa.array([None if piece == "null" else piece for piece in pieces], pa.string())


def _offsets(lengths: list[int]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))


def _pieces(text: str, new: DataType) -> list[str]:
    """The texts of the members; of a map its keys and values in turn."""
    kind = MapType if isinstance(new, MapType) else type(new)
    match = _FORMS[kind].fullmatch(text.strip())
    if match is None:
        _reject(text, new)
    body = match[1] if match[1] is not None else match[2]
    parts = _split(body, ",") if body.strip() else []
    if kind is not MapType:
        return parts
    if match[1] is None:  # MAP(k, v, k, v)
        pairs = parts
    else:
        halves = [_split(part, "->") for part in parts]
        if any(len(half) != 2 for half in halves):
            _reject(text, new)
        pairs = [piece for half in halves for piece in half]
    if len(pairs) % 2:
        _reject(text, new)
    return pairs


def _split(body: str, separator: str) -> list[str]:
    """The parts between separators that no bracket encloses, without blanks around."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(body):
        depth += (body[at] in _OPEN) - (body[at] in _CLOSE)
        if depth == 0 and body.startswith(separator, at):
            parts.append(body[start:at].strip())
            at += len(separator)
            start = at
        else:
            at += 1
    return [*parts, body[start:].strip()]


def _reject(text: str, wanted: DataType) -> NoReturn:
    raise CorruptDataError("value", expected=f"text that is {wanted}", found=repr(text[:60]))
