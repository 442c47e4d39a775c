"""Expires the changes that outlive their snapshots (``changelog.num-retained.*`` and the like).

Source: ``org.apache.paimon.table.ExpireChangelogImpl``, ``ChangelogDeletion``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tablestore.format.paths import CHANGELOG_FOLDER, changelog_path
from tablestore.maintain.cut import first_change_kept
from tablestore.maintain.doomed import Doom, Neighbours
from tablestore.maintain.lines import Line, other_lines
from tablestore.maintain.removal import delete_all

if TYPE_CHECKING:
    from tablestore.options.retention import RetentionOptions
    from tablestore.runs.bucket_files import BucketFolders

CHANGELOG_EARLIEST: Final = f"{CHANGELOG_FOLDER}/EARLIEST"


class ChangelogExpirer:
    """Expires the long-lived changes of one line.

    Args:
        line: the line.
        folders: where the table's files are.
        options: what is kept.
    """

    def __init__(self, line: Line, folders: BucketFolders, options: RetentionOptions) -> None:
        self._line = line
        self._folders = folders
        self._options = options

    def run(self, now_ms: int) -> int:
        """Expire what is not kept any longer; how many snapshots' changes went.

        Args:
            now_ms: the time of day by the store's clock.

        Raises:
            CorruptDataError: a changelog or tag is damaged; nothing was deleted.
            StorageUnavailableError: the storage failed; the next run takes the rest.
        """
        line, store = self._line, self._line.store
        ids = line.changelog_ids()
        latest = line.snapshots.latest()
        earliest = line.snapshots.earliest_id()
        if not ids or latest is None or earliest is None:
            return 0
        end_id = first_change_kept(
            ids,
            latest.id,
            self._options.changelogs,
            now_ms,
            self._time_of,
            limit=self._options.limit,
            consumers=line.consumers(),
        )
        end, oldest = line.changelog(end_id), line.snapshots.find(earliest)
        found = (line.changelog(snapshot_id) for snapshot_id in ids if snapshot_id < end_id)
        going = [snapshot for snapshot in found if snapshot is not None]
        if not going or end is None or oldest is None:
            return 0
        doom = Doom(
            line,
            Neighbours(line.tags(), other_lines(line)),
            self._folders,
            keeps_changes=False,
            produces_changelog=self._options.produces_changelog,
        )
        doomed = doom.of_changes(going, end, oldest)
        store.put(CHANGELOG_EARLIEST, str(end_id).encode())
        delete_all(store, doomed.data)
        delete_all(store, doomed.metadata)
        delete_all(store, doomed.lists)
        for snapshot in going:
            store.delete(changelog_path(snapshot.id))
        return len(going)

    def _time_of(self, snapshot_id: int) -> int | None:
        found = self._line.changelog(snapshot_id)
        return None if found is None else found.time_millis
