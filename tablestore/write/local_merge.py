"""Rows of hot keys, merged before they are numbered (``local-merge-buffer-size``).

Source: ``org.apache.paimon.flink.sink.LocalMergeOperator``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.write.budget import Budget
from tablestore.write.memtable import Memtable, numbered
from tablestore.write.merge_buffer import merged_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.rules import MergeRules


class LocalMerge:
    """A small buffer in front of the writer's own.

    Args:
        key: positions of the group and of the trimmed primary key's columns.
        rules: merge the versions of a key.
        bytes_max: bytes of rows that it holds.
    """

    def __init__(self, key: Sequence[int], rules: MergeRules, bytes_max: int) -> None:
        self._key = tuple(key)
        self._rules = rules
        self._bytes_max = bytes_max
        self._budget = Budget.sharing(bytes_max)
        self._memtable = Memtable(key, self._budget)

    def add(
        self, rows: pa.RecordBatch, groups: NDArray[np.int64], kinds: NDArray[np.int8] | None
    ) -> Iterator[pa.RecordBatch]:
        """Take rows in; gives merged rows, numbered 0, when the buffer is full."""
        self._memtable.add(numbered(rows, groups, np.zeros(len(groups), dtype=np.int64), kinds))
        if self._memtable.size >= self._bytes_max:
            yield from self.drain()

    def drain(self) -> Iterator[pa.RecordBatch]:
        """The merged rows by group and key, and forget all."""
        window = self._budget.window_rows(self._memtable.row_bytes)
        pieces = [[piece] for piece in self._memtable.pieces()]
        self._memtable.clear()
        yield from merged_rows(pieces, self._key, self._rules, window)

    def clear(self) -> None:
        """Forget all rows."""
        self._memtable.clear()
