"""Retracts that an engine cannot merge, found before they are stored.

Java takes such a row and fails when it meets another one of its key: from then on neither a read
nor a compaction gets past it. So it is refused while it can be.

Source: ``org.apache.paimon.mergetree.compact`` (what each merge function throws on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tablestore.merge.aggregation import Aggregation
from tablestore.merge.first_row import FirstRow
from tablestore.merge.partial_update import PartialUpdate
from tablestore.types.row_kind import SHORT_STRINGS, RowKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.groups import MergeEngine


def unmergeable(engine: MergeEngine, kinds: NDArray[np.int8]) -> str | None:
    """Which row kind an engine could not merge, and what to do; None where it takes all.

    Args:
        engine: of the table.
        kinds: of the rows that are to be stored.
    """
    for kind in np.unique(kinds[(kinds & 1) == 1]).tolist():
        why = _refusal(engine, kind)
        if why is not None:
            return f"a row of kind {SHORT_STRINGS[kind]} cannot be merged: {why}"
    return None


def _refusal(engine: MergeEngine, kind: int) -> str | None:
    if isinstance(engine, FirstRow):
        return None if engine.ignore_delete else _FIRST_ROW
    if isinstance(engine, PartialUpdate):
        takes = engine.ignore_delete or engine.remove_on_delete or engine.groups
        return None if takes else _PARTIAL_UPDATE
    if isinstance(engine, Aggregation):
        if engine.remove_on_delete and kind == RowKind.DELETE:
            return None
        for name, function in engine.functions.items():
            if not function.can_retract:
                return (
                    f"the aggregate function of column {name!r} takes nothing back; set "
                    f"'fields.{name}.ignore-retract' or 'ignore-delete' to 'true' to have such "
                    "rows passed over"
                )
    return None


_FIRST_ROW = "merge-engine first-row keeps the oldest row; set 'ignore-delete' to 'true' to skip it"
_PARTIAL_UPDATE = (
    "merge-engine partial-update takes it only where 'ignore-delete' or "
    "'partial-update.remove-record-on-delete' is 'true', or columns are in sequence groups "
    "('fields.<ordering columns>.sequence-group')"
)
