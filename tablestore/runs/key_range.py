"""The key range of data files as values that compare like Paimon's keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import decode_row
from tablestore.format.key_order import key_order
from tablestore.lsm.levels import Keys

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.types.model import DataType


def key_ranges(types: Sequence[DataType]) -> Keys[DataFileMeta]:
    """How to compare the files of a table by key.

    Args:
        types: of the trimmed primary key.
    """

    @cache
    def key(stored: bytes) -> tuple[Any, ...]:
        return key_order(decode_row(stored, types))

    return Keys(lambda meta: key(meta.min_key), lambda meta: key(meta.max_key))
