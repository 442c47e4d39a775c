"""Buffered and spilled runs as one stream of rows by group and key.

Runs stand oldest first, and rows of a key in a run do too, so no sequence number is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.datafile.layout import VALUE_KIND
from tablestore.merge.groups import gathered
from tablestore.merge.keys import KeyTuple
from tablestore.merge.orders import pack, stable_order
from tablestore.merge.sorted_keys import SortedKeys
from tablestore.runs.merged import Window, key_windows
from tablestore.write.memtable import SYSTEM, by_group, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.rules import MergeRules


def merged_rows(
    runs: Sequence[Iterable[pa.RecordBatch]],
    key: Sequence[int],
    rules: MergeRules | None,
    window_rows: int,
) -> Iterator[pa.RecordBatch]:
    """The rows of several runs by group and key, window by window.

    Args:
        runs: numbered rows by group and key, oldest run first.
        key: positions of the group and of the trimmed primary key's columns.
        rules: merge the versions of a key; None keeps them all, oldest first.
        window_rows: rows of a window, about.
    """
    for window in key_windows(runs, tuple(key), window_rows):
        rows = _merged(window, rules)
        if rows.num_rows:
            yield rows


def merged_piece(
    rows: pa.RecordBatch, key: Sequence[int], rules: MergeRules, window_rows: int
) -> Iterator[pa.RecordBatch]:
    """The merged rows of one piece that holds all versions of its keys.

    Args:
        rows: numbered rows by group and key.
        key: positions of the group and of the trimmed primary key's columns.
        rules: merge the versions of a key.
        window_rows: rows to give at a time, about.
    """
    keys = SortedKeys([rows.column(index) for index in key])
    merged = _merged(Window([rows], [keys], [0]), rules)
    for start in range(0, merged.num_rows, window_rows):
        yield merged.slice(start, window_rows)


def _merged(window: Window, rules: MergeRules | None) -> pa.RecordBatch:
    lanes = SortedKeys.joined(window.keys)
    if rules is None:
        return taken(_joined(window.parts), stable_order(pack(lanes)))
    kinds = _kinds(window)
    names = window.parts[0].schema.names[:-SYSTEM]
    merged = rules.merge(
        rules.group(lanes, window.named, age=None, kind=kinds), window.named, names
    )
    if not len(merged.rows):
        return window.parts[0].slice(0, 0)
    batch = taken(_joined(window.parts), merged.rows)
    columns = {
        name: gathered(window.named, name, source) for name, source in merged.columns.items()
    }
    if merged.kind is not None:
        columns[VALUE_KIND] = pa.array(merged.kind)
    for name, values in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), values)
    return batch


def _kinds(window: Window) -> NDArray[np.int8] | None:
    """The row kinds; None where all are inserts."""
    kinds: NDArray[np.int8] = window.named(VALUE_KIND).to_numpy()
    return kinds if bool(kinds.any()) else None


def _joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def stretches(
    pieces: Sequence[pa.RecordBatch], key: Sequence[int], above: dict[int, KeyTuple]
) -> dict[int, list[pa.RecordBatch]] | None:
    """The pieces' rows of each group, where they follow one another in key order.

    Args:
        pieces: numbered rows by group and key.
        key: positions of the group and of the trimmed primary key's columns.
        above: for some groups a key that all rows must be above; becomes the last key of each
            group where there is a result.

    Returns:
        batches of each group with ascending keys; None where some overlap.
    """
    found: dict[int, list[pa.RecordBatch]] = {}
    last = dict(above)
    for piece in pieces:
        for group, rows in by_group(piece):
            columns = [rows.column(index) for index in key]
            first, end = (
                SortedKeys([column.slice(row, 1) for column in columns]).at(0)
                for row in (0, rows.num_rows - 1)
            )
            if group in last and first <= last[group]:
                return None
            last[group] = end
            found.setdefault(group, []).append(rows)
    above.update(last)
    return found
