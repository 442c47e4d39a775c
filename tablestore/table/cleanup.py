"""The clean-up of files that nothing refers to, as a user asks for it."""

from __future__ import annotations

import datetime as dt
import posixpath
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.commit.clock import SystemClock
from tablestore.errors import InvalidInputError
from tablestore.maintain.expire import Expirer, Expiry
from tablestore.maintain.lines import Line, other_lines, own_line
from tablestore.maintain.orphans import Orphans, OrphanSearch
from tablestore.maintain.removal import delete_all, store_time
from tablestore.options.retention import RetentionOptions
from tablestore.options.units import format_duration_ms
from tablestore.runs.bucket_files import BucketFolders
from tablestore.table.expiry import duration_ms
from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from tablestore.commit.clock import Clock
    from tablestore.table.components import Components

_CLOCK: Final = SystemClock()
_YOUNGEST_MS: Final = 3_600_000
"""Below this age a file may be one that a running writer has not committed yet."""


@dataclass(frozen=True, repr=False)
class OrphanResult(HtmlFields):
    """What a clean-up deleted, or would delete.

    Attributes:
        data_files: data files, changelog files and their indexes.
        metadata_files: manifests, lists, index files, statistics.
        temporary_files: of writes that were not finished.
        bytes: of all of them.
        files: their keys below the table's folder.
        young: files left because they are younger than ``older_than``.
        snapshots: expired snapshots that a killed expiry had left, and that it finished.
        seconds: how long it took.
        dry_run: True where it only looked.
    """

    data_files: int
    metadata_files: int
    temporary_files: int
    bytes: int
    files: tuple[str, ...]
    young: int
    snapshots: tuple[int, ...]
    seconds: float
    dry_run: bool

    def __repr__(self) -> str:
        would = "would delete" if self.dry_run else "deleted"
        return (
            f"OrphanResult({would} {len(self.files)} files: {self.data_files} data, "
            f"{self.metadata_files} metadata, {self.temporary_files} temporary, {self.bytes} "
            f"bytes; {self.young} younger ones left)"
        )


def remove_orphans(
    parts: Components,
    *,
    older_than: str | dt.timedelta = "1d",
    dry_run: bool = False,
    force: bool = False,
    clock: Clock = _CLOCK,
) -> OrphanResult:
    """Delete files that nothing refers to; see ``Table.remove_orphans``.

    Raises:
        InvalidInputError: the age is so low that files of running writers would go.
    """
    began = time.monotonic()
    age_ms = duration_ms(older_than, "older_than")
    if age_ms < _YOUNGEST_MS and not force:
        raise InvalidInputError(
            f"older_than={format_duration_ms(age_ms)} would delete files of writers that have not "
            f"committed yet; take at least {format_duration_ms(_YOUNGEST_MS)}, or force=True "
            "where nobody writes"
        )
    now_ms = clock.now_ms() if dry_run else store_time(parts.store, clock)
    schema = parts.latest_schema(parts.state.snapshots.latest())
    folders = BucketFolders.of(schema, parts.options(schema))
    own = own_line(parts.store, parts.state)
    lines = sorted([own, *other_lines(own)], key=lambda line: line.branch)
    options = RetentionOptions.of(schema.options)
    left = [_finished(line, folders, options, dry_run=dry_run) for line in lines]
    found = OrphanSearch(lines, folders).find(now_ms - age_ms)
    if not dry_run:
        _delete(lines[0], found, folders)
    return _result(found, left, seconds=time.monotonic() - began, dry_run=dry_run)


def _finished(
    line: Line, folders: BucketFolders, options: RetentionOptions, *, dry_run: bool
) -> Expiry:
    """What an expiry that was killed had left, done."""
    expirer = Expirer(line, folders, options)
    planned = expirer.leftovers()
    return planned if dry_run or planned.end is None else expirer.run(planned)


def _delete(main: Line, found: Orphans, folders: BucketFolders) -> None:
    store, top = main.store, folders.data_dir or ""
    delete_all(store, found.data)
    delete_all(store, found.metadata)
    delete_all(store, found.temporary)
    for folder in sorted({posixpath.dirname(key) for key in found.data}):
        while folder != top and store.delete_empty_folder(folder):
            folder = posixpath.dirname(folder)


def _result(
    found: Orphans, left: Iterable[Expiry], *, seconds: float, dry_run: bool
) -> OrphanResult:
    data, metadata, snapshots = dict(found.data), dict(found.metadata), list[int]()
    for expiry in left:
        data |= expiry.doomed.data
        metadata |= expiry.doomed.metadata | expiry.doomed.lists
        snapshots += [snapshot.id for snapshot in expiry.going]
    files = {**data, **metadata, **found.temporary}
    return OrphanResult(
        data_files=len(data),
        metadata_files=len(metadata),
        temporary_files=len(found.temporary),
        bytes=sum(files.values()),
        files=tuple(files),
        young=found.young,
        snapshots=tuple(snapshots),
        seconds=seconds,
        dry_run=dry_run,
    )
