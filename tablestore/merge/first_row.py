"""The ``first-row`` merge engine: the oldest row of a key stays.

Source: ``org.apache.paimon.mergetree.compact.FirstRowMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tablestore.errors import InvalidInputError
from tablestore.merge.deduplicate import without_retracts
from tablestore.merge.groups import Columns, Groups, Merged


@dataclass(frozen=True)
class FirstRow:
    """Keeps the first row of each key.

    Attributes:
        ignore_delete: skip retracts; without it a retract that meets another record is an error.
    """

    ignore_delete: bool = False

    def needs(self, wanted: Sequence[str]) -> Sequence[str]:
        """The wanted columns, nothing else."""
        return wanted

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """The first row of each key.

        Raises:
            InvalidInputError: a retract meets another record of its key.
        """
        if self.ignore_delete:
            groups = without_retracts(groups)
        elif groups.retracts is not None and bool(
            (groups.retracts & ~groups.alone[groups.group]).any()
        ):
            raise InvalidInputError(
                "merge-engine first-row takes no -U and -D rows; set 'ignore-delete' to 'true' to "
                "have them skipped"
            )
        return Merged(groups.first)
