"""Which files of an append table to compact: small ones, and those with many deleted rows.

Tables without buckets promise no order, so any small files go together. In a bucket rows keep
their order, so only files next to one another do.

Source: ``org.apache.paimon.append.AppendCompactCoordinator``, ``BucketedAppendCompactManager``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic

from tablestore.lsm.levels import F, RunFile
from tablestore.options.compaction import AppendOptions

PACK_AGE: Final = 5
FORGET_AGE: Final = 10
FULL_MIN_FILES: Final = 3


@dataclass(frozen=True, slots=True)
class DeletedRows:
    """What is known of a file's deletion vector.

    Attributes:
        index_file: the name of the index file that holds it.
        count: deleted rows; None where the index does not say.
    """

    index_file: str
    count: int | None


Deleted = Mapping[str, DeletedRows]
"""Files with a deletion vector, by name."""


def needs_compaction(file: RunFile, options: AppendOptions, deleted: Deleted) -> bool:
    """True for a small file, and for one with too many deleted rows."""
    if file.file_size < options.small_file_size:
        return True
    gone = deleted.get(file.file_name) if options.deletion_vectors else None
    if gone is None:
        return False
    return gone.count is None or gone.count > file.row_count * options.delete_ratio


@dataclass(frozen=True, slots=True)
class Waiting(Generic[F]):
    """Files of a partition without buckets that wait for others.

    Attributes:
        files: all of them need compaction.
        age: rounds without a pick since the last new file.
    """

    files: tuple[F, ...] = ()
    age: int = 0

    def add(self, files: Iterable[F], options: AppendOptions, deleted: Deleted) -> Waiting[F]:
        """These and those of ``files`` that need compaction."""
        known = {file.file_name for file in self.files}
        more = (
            file
            for file in files
            if file.file_name not in known and needs_compaction(file, options, deleted)
        )
        return Waiting((*self.files, *more))

    @property
    def forgotten(self) -> bool:
        """True where nothing is left to wait for."""
        return not self.files or self.age > FORGET_AGE


def pick_unaware(
    waiting: Waiting[F], options: AppendOptions, deleted: Deleted
) -> tuple[tuple[tuple[F, ...], ...], Waiting[F]]:
    """Groups of files to compact, and what waits on.

    Files whose deletion vectors are in one index file go together, so that each index file is
    rewritten once.
    """
    if options.deletion_vectors:
        bins = _pack_with_deletions(waiting.files, options, deleted)
    else:
        bins = _pack(waiting.files, options)
    if bins:
        taken = {file.file_name for group in bins for file in group}
        rest = tuple(file for file in waiting.files if file.file_name not in taken)
        return tuple(bins), replace(waiting, files=rest)
    age = waiting.age + 1
    if age > PACK_AGE and len(waiting.files) > 1:
        return (waiting.files,), Waiting((), age)
    return (), replace(waiting, age=age)


def pick_unaware_all(
    waiting: Waiting[F], options: AppendOptions, deleted: Deleted
) -> tuple[tuple[F, ...], ...]:
    """The same where nothing shall wait: two files that are left over are compacted too."""
    bins, rest = pick_unaware(waiting, options, deleted)
    if len(rest.files) > 1:
        return (*bins, rest.files)
    return bins


def _pack(files: Sequence[F], options: AppendOptions) -> list[tuple[F, ...]]:
    ordered = sorted(files, key=lambda file: file.file_size)
    bins, left = _fill([(file,) for file in ordered], options)
    return [*bins, left] if left and len(left) >= options.min_files else bins


def _pack_with_deletions(
    files: Sequence[F], options: AppendOptions, deleted: Deleted
) -> list[tuple[F, ...]]:
    groups: dict[str, list[F]] = {}
    rest: list[F] = []
    for file in files:
        gone = deleted.get(file.file_name)
        (rest if gone is None else groups.setdefault(gone.index_file, [])).append(file)
    ordered = sorted(groups.values(), key=lambda group: sum(file.file_size for file in group))
    bins, left = _fill(ordered, options)
    if left:
        bins.append(left)
    return bins + _pack(rest, options) if len(rest) > 1 else bins


def _fill(
    groups: Iterable[Sequence[F]], options: AppendOptions
) -> tuple[list[tuple[F, ...]], tuple[F, ...]]:
    """Bins that are full, and the one that is not."""
    bins: list[tuple[F, ...]] = []
    files: list[F] = []
    weight = 0
    for group in groups:
        files += group
        weight += sum(file.file_size + options.open_file_cost for file in group)
        if len(files) > 1 and weight >= options.target_file_size * 2:
            bins.append(tuple(files))
            files, weight = [], 0
    return bins, tuple(files)


@dataclass(frozen=True, slots=True)
class AppendQueue(Generic[F]):
    """Files of a bucket that may still be compacted, in write order.

    A file leaves the queue when it is picked, and when the files around it have grown too large
    for it; a new queue over all files of the bucket takes it up again.
    """

    files: tuple[F, ...]

    @classmethod
    def of(cls, files: Iterable[F]) -> AppendQueue[F]:
        """A queue of a bucket's files."""
        return cls(tuple(sorted(files, key=lambda file: file.min_sequence_number)))

    def add(self, files: Iterable[F]) -> AppendQueue[F]:
        """With files that were written since."""
        return AppendQueue.of((*self.files, *files))

    def done(self, after: Sequence[F], options: AppendOptions) -> AppendQueue[F]:
        """With what a compaction wrote: only its last file may be worth another one."""
        return self.add(file for file in after[-1:] if file.file_size < options.small_file_size)


def pick_bucketed(
    queue: AppendQueue[F], options: AppendOptions
) -> tuple[tuple[F, ...] | None, AppendQueue[F]]:
    """Files next to one another to compact, and the queue from then on."""
    window: list[F] = []
    size = 0
    for place, file in enumerate(queue.files):
        window.append(file)
        size += file.file_size
        if len(window) >= options.min_files:
            return tuple(window), AppendQueue(queue.files[place + 1 :])
        if size >= options.target_file_size * 2:
            size -= window.pop(0).file_size
    return None, AppendQueue(tuple(window))


def pick_bucketed_full(
    queue: AppendQueue[F], options: AppendOptions, deleted: Deleted
) -> tuple[F, ...] | None:
    """Every file of the queue but large ones at its head; None where that is not worth it.

    With deletion vectors it is always worth it; without, where three files or more are left and
    most of them are small.
    """
    files = list(queue.files)
    vectors, force = options.deletion_vectors, options.force_rewrite_all
    while files and not force and _stays(files[0], options, deleted):
        files.pop(0)
    if not (vectors or force):
        small = sum(file.file_size < options.small_file_size for file in files)
        if 2 * small <= len(files) or len(files) < FULL_MIN_FILES:
            return None
    return tuple(files) or None


def _stays(file: RunFile, options: AppendOptions, deleted: Deleted) -> bool:
    large = file.file_size >= options.small_file_size
    return large and not (options.deletion_vectors and file.file_name in deleted)
