"""Expires snapshots: first the hints, then files, last the snapshots: a crash loses nothing.

1. Plan from a listing. 2. EARLIEST says which snapshot is the first one kept; from here on nobody
starts to read an older one. 3. LATEST is brought up to date: Java trusts it where the snapshot
behind it is not there, which a deletion may cause. 4. Data files, then manifests, then the lists
that name them, then the snapshots, oldest first. Whatever is left after a crash, the next run finds
through the snapshots that are still there.

Source: ``org.apache.paimon.table.ExpireSnapshotsImpl``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.changelog import encode_changelog
from tablestore.format.paths import (
    CHANGELOG_FOLDER,
    EARLIEST_HINT,
    LATEST_HINT,
    changelog_path,
    consumer_path,
    snapshot_path,
)
from tablestore.maintain.cut import Cut, first_kept, kept_for_jobs
from tablestore.maintain.doomed import Doom, Doomed, Neighbours
from tablestore.maintain.lines import Line, other_lines
from tablestore.maintain.removal import delete_all

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import LiveFiles
    from tablestore.options.retention import RetentionOptions
    from tablestore.runs.bucket_files import BucketFolders

CHANGELOG_LATEST: Final = f"{CHANGELOG_FOLDER}/LATEST"


@dataclass(frozen=True)
class Expiry:
    """A run as planned, and what it does.

    Attributes:
        earliest: the oldest snapshot before; 0 for a table without any.
        latest: the newest one.
        cut: the first snapshot kept, and what keeps it.
        going: snapshots to expire, oldest first; also those a killed run left.
        end: the first snapshot kept, where something goes.
        doomed: files to delete.
        near: who else was asked for them.
    """

    earliest: int = 0
    latest: int = 0
    cut: Cut = field(default_factory=lambda: Cut(0, "no snapshot"))
    going: tuple[Snapshot, ...] = ()
    end: Snapshot | None = None
    doomed: Doomed = field(default_factory=Doomed)
    near: Neighbours | None = None


class Expirer:
    """Expires the snapshots of one line.

    Args:
        line: the line.
        folders: where the table's files are.
        options: what is kept.
    """

    def __init__(self, line: Line, folders: BucketFolders, options: RetentionOptions) -> None:
        self._line = line
        self._store = line.store
        self._folders = folders
        self._options = options
        self._consumers: dict[str, int] | None = None

    # -- plan ------------------------------------------------------------------------------------

    def plan(
        self, now_ms: int, *, limit: int | None = None, live: LiveFiles | None = None
    ) -> Expiry:
        """What goes at a moment; deletes nothing.

        Args:
            now_ms: the time of day by the store's clock.
            limit: snapshots to expire at most.
            live: files of a later snapshot, where they are known.

        Raises:
            CorruptDataError: a snapshot, tag or consumer is damaged, or what stays is.
        """
        ids = self._line.ids()
        if not ids:
            return Expiry()
        earliest, latest = self._earliest(ids), ids[-1]
        cut = first_kept(
            earliest,
            latest,
            self._options.snapshots,
            now_ms,
            self._time_of,
            limit=limit,
            consumers=self._consumed() if self._may_go(earliest, latest) else {},
        )
        cut = self._for_jobs(cut, earliest, latest)
        return self._until(ids, earliest, cut, live)

    def leftovers(self) -> Expiry:
        """What a killed run left: the snapshots that EARLIEST says are expired.

        Raises:
            CorruptDataError: a snapshot or tag is damaged, or what stays is.
        """
        ids = self._line.ids()
        earliest = self._earliest(ids) if ids else 0
        if not ids or earliest == ids[0]:
            return Expiry()
        return self._until(ids, earliest, Cut(earliest, "EARLIEST"), None)

    def _earliest(self, ids: Sequence[int]) -> int:
        hint = self._line.snapshots.read_hint(EARLIEST_HINT)
        return ids[0] if hint is None or hint not in ids else hint

    def _may_go(self, earliest: int, latest: int) -> bool:
        """Whether anything can go at all; spares the consumers' listing."""
        return latest - self._options.snapshots.keep_min + 1 > earliest

    def _consumed(self) -> dict[str, int]:
        options = self._options
        if options.consumer_changelog_only and options.decoupled:
            return {}
        if self._consumers is None:
            self._consumers = self._line.consumers()
        return self._consumers

    def _time_of(self, snapshot_id: int) -> int | None:
        found = self._line.snapshots.find(snapshot_id, fresh=True)
        return None if found is None else found.time_millis

    def _for_jobs(self, cut: Cut, earliest: int, latest: int) -> Cut:
        if cut.first_kept <= earliest:
            return cut
        going = range(cut.first_kept - 1, earliest - 1, -1)
        return kept_for_jobs(
            cut, self._found(going), lambda: self._found(range(latest, cut.first_kept - 1, -1))
        )

    def _found(self, ids: Iterable[int]) -> Iterator[Snapshot]:
        found = (self._line.snapshots.find(snapshot_id) for snapshot_id in ids)
        return (snapshot for snapshot in found if snapshot is not None)

    def _until(self, ids: Sequence[int], earliest: int, cut: Cut, live: LiveFiles | None) -> Expiry:
        """The plan to expire everything below a cut.

        Raises:
            CorruptDataError: the first snapshot that stays lacks what it refers to.
        """
        planned = Expiry(earliest, ids[-1], cut)
        numbers = [snapshot_id for snapshot_id in ids if snapshot_id < cut.first_kept]
        if not numbers:
            return planned
        find = self._line.snapshots.find
        found = [find(snapshot_id, fresh=True) for snapshot_id in numbers]
        going = tuple(snapshot for snapshot in found if snapshot is not None)
        end = find(cut.first_kept, fresh=True)
        if end is None:
            return planned  # another run came first and went further
        near = self._neighbours(end, live)
        try:
            doomed = self._doom(going, end, near)
        except NotFoundError as error:
            if self._line.snapshots.exists(end.id):
                name = snapshot_path(end.id)
                raise CorruptDataError("snapshot", name=name, found=str(error)) from error
            return planned
        return Expiry(earliest, ids[-1], cut, going, end, doomed, near)

    def _neighbours(self, end: Snapshot, live: LiveFiles | None) -> Neighbours:
        line = self._line
        later = live if live is not None and live.snapshot and live.snapshot.id >= end.id else None
        return Neighbours(line.tags(), other_lines(line), later)

    def _doom(self, going: Sequence[Snapshot], end: Snapshot, near: Neighbours) -> Doomed:
        doom = Doom(
            self._line,
            near,
            self._folders,
            keeps_changes=self._options.decoupled,
            produces_changelog=self._options.produces_changelog,
        )
        return doom.of(going, end)

    # -- do --------------------------------------------------------------------------------------

    def run(self, planned: Expiry) -> Expiry:
        """Expire what was planned; what was done, which may be nothing.

        Raises:
            CorruptDataError: what stays is damaged; no file was deleted.
            StorageUnavailableError: the storage failed; the next run takes the rest.
        """
        end, near = planned.end, planned.near
        if end is None or near is None:
            if planned.latest and self._line.snapshots.read_hint(EARLIEST_HINT) is None:
                # so that nobody has to list for it; never over the hint of another run
                self._store.put_if_absent(EARLIEST_HINT, str(planned.earliest).encode())
            return planned
        if not self._claim(end.id):
            return Expiry(planned.earliest, planned.latest, planned.cut)
        self._raise_hint(LATEST_HINT, planned.latest)
        # a tag or branch made before EARLIEST said that these are gone may need their files
        now = self._neighbours(end, near.live)
        doomed = planned.doomed if now.same(near) else self._doom(planned.going, end, now)
        delete_all(self._store, doomed.data)
        self._clean_folders(doomed)
        delete_all(self._store, doomed.metadata)
        delete_all(self._store, doomed.lists)
        for snapshot in planned.going:
            self._let_go(snapshot)
        self._line.snapshots.forget_below(end.id)
        # whoever slept between reading a hint and writing it may have put an old one back, to a
        # snapshot that is gone by now
        self._raise_hint(EARLIEST_HINT, end.id)
        self._raise_hint(LATEST_HINT, planned.latest)
        return replace(planned, doomed=doomed)

    def _claim(self, snapshot_id: int) -> bool:
        """Write EARLIEST, never backwards; False where another run has gone further."""
        self._raise_hint(EARLIEST_HINT, snapshot_id)
        if self._line.snapshots.exists(snapshot_id):
            return True
        oldest = self._line.ids()[:1]
        if oldest and oldest[0] > snapshot_id:
            self._raise_hint(EARLIEST_HINT, oldest[0])
        return False

    def _raise_hint(self, key: str, snapshot_id: int) -> None:
        if (self._line.snapshots.read_hint(key) or 0) < snapshot_id:
            self._store.put(key, str(snapshot_id).encode())

    def _let_go(self, snapshot: Snapshot) -> None:
        if self._options.decoupled:
            self._store.put(changelog_path(snapshot.id), encode_changelog(snapshot))
            self._store.put(CHANGELOG_LATEST, str(snapshot.id).encode())
        self._store.delete(snapshot_path(snapshot.id))

    def _clean_folders(self, doomed: Doomed) -> None:
        if not self._options.clean_folders:
            return
        top = self._folders.data_dir or ""
        for partition, bucket in sorted(doomed.places):
            folder = self._folders.folder(partition, bucket)
            while folder != top and self._store.delete_empty_folder(folder):
                folder = folder.rpartition("/")[0]

    def expire_consumers(self, now_ms: int) -> list[str]:
        """Delete the consumers that were not moved for ``consumer.expiration-time``.

        Args:
            now_ms: the time of day by the store's clock.

        Returns:
            their names.
        """
        limit = self._options.consumer_ms
        if limit is None:
            return []
        gone = []
        for name in list(self._line.consumers()):
            info = self._store.head(consumer_path(name))
            if info is not None and info.modified_ms and info.modified_ms < now_ms - limit:
                self._store.delete(info.key)
                gone.append(name)
        self._consumers = None
        return gone
