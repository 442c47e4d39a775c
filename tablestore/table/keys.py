"""Primary keys as a caller writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tablestore.errors import InvalidInputError


def key_rows(keys: object, names: Sequence[str]) -> object:
    """Keys as rows of the key columns.

    Args:
        keys: Arrow data or a list of dicts with the key columns; for a key of one column a list of
            its values; else a list of tuples in key order.
        names: the primary key's columns.

    Raises:
        InvalidInputError: a tuple has the wrong length.
    """
    if not isinstance(keys, (list, tuple, set, frozenset, range)):
        if isinstance(keys, (int, str, bytes, float)):
            raise InvalidInputError(
                f"keys is a list of keys, found {keys!r}; write keys=[{keys!r}]"
            )
        return keys
    listed: list[Any] = list(keys)
    if listed and isinstance(listed[0], Mapping):
        return listed
    if len(names) == 1:
        return [dict.fromkeys(names, _single(key)) for key in listed]
    for key in listed:
        if not isinstance(key, (tuple, list)) or len(key) != len(names):
            raise InvalidInputError(
                f"a key of this table is a tuple ({', '.join(names)}), found {key!r}"
            )
    return [dict(zip(names, key, strict=True)) for key in listed]


def _single(key: object) -> object:
    return key[0] if isinstance(key, (tuple, list)) and len(key) == 1 else key
