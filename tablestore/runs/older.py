"""Older versions that lie above what is merged: found by key while windows are merged.

A key of which only level-0 rows are merged may have its last version in a level above. It joins
the merge, or is marked as deleted, or stands in the way of the new row.

Source: ``org.apache.paimon.mergetree.compact.LookupChangelogMergeFunctionWrapper``,
``FirstRowMergeFunctionWrapper``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from tablestore.merge.sorted_keys import SortedKeys
from tablestore.runs.merged import Window, WindowShape, window_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.groups import Groups
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.lookup import Found, Lookup
    from tablestore.types.model import DataField

Use = Literal["exists", "position", "row"]
Mark = Callable[[str, "NDArray[np.int64]"], None]


@dataclass(frozen=True)
class OlderVersions:
    """What is done with the versions above.

    Attributes:
        lookup: finds them.
        use: ``exists``: the new rows are dropped; ``position``: the new rows win without a look at
            the old one; ``row``: the old one takes part in the merge.
        mark: is told the file and the rows that were found, to be deleted; or None.
        left: gives those of the rows found that have not expired; None where none does.
    """

    lookup: Lookup
    use: Use
    mark: Mark | None = None
    left: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None

    def join(
        self,
        window: Window,
        groups: Groups,
        shape: WindowShape,
        rules: MergeRules,
        fields: tuple[DataField, ...],
    ) -> Groups:
        """The groups with the versions above considered; rows that join are added to the window.

        Args:
            window: the rows.
            groups: of the window's rows.
            shape: of the window, with the levels of its runs.
            rules: of the table.
            fields: columns of the window.
        """
        if not len(groups.order) or groups.level is None:
            return groups
        fresh = np.flatnonzero(
            np.maximum.reduceat(groups.level[groups.order], groups.offsets[:-1]) == 0
        )
        if not len(fresh):
            return groups
        rows = pa.array(groups.first[fresh])
        found = self.seek([window.column(index).take(rows) for index in shape.key])
        if self.use == "exists":
            kept = np.ones(len(groups), dtype=np.bool_)
            kept[fresh[found.hit]] = False
            groups = groups.only(kept[groups.group])
        elif self.use == "row" and bool(found.hit.any()):
            batch = self.lookup.rows(found, fields)
            batch = batch if self.left is None else self.left(batch)
            window.parts.append(batch)
            window.keys.append(SortedKeys([batch.column(index) for index in shape.key]))
            window.runs.append(len(shape.levels))
            groups = window_groups(window, replace(shape, levels=(*shape.levels, 1)), rules)
        # here a single record does go through the engine
        return replace(groups, single=np.zeros(len(groups), dtype=np.bool_))

    def seek(self, columns: list[pa.Array]) -> Found:
        """Find keys and mark what is found.

        Args:
            columns: key columns, ascending, each key once.
        """
        found = self.lookup.find(columns)
        if self.mark is not None:
            for number in np.unique(found.file[found.hit]):
                chosen = found.file == number
                self.mark(self.lookup.files[number].file_name, found.position[chosen])
        return found
