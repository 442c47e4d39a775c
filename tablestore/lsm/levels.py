"""The levels of a bucket: files of level 0 newest first, one sorted run at each level above.

Source: ``org.apache.paimon.mergetree.Levels``, ``org.apache.paimon.mergetree.SortedRun``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tablestore.errors import CorruptDataError, InvalidInputError


class RunFile(Protocol):
    """What the shape of a tree depends on; ``format.manifest.DataFileMeta`` has it all.

    ``min_key`` and ``max_key`` are as stored. Functions here that compare keys are given two
    functions that make them comparable.
    """

    @property
    def file_name(self) -> str: ...
    @property
    def file_size(self) -> int: ...
    @property
    def row_count(self) -> int: ...
    @property
    def min_key(self) -> bytes: ...
    @property
    def max_key(self) -> bytes: ...
    @property
    def min_sequence_number(self) -> int: ...
    @property
    def max_sequence_number(self) -> int: ...
    @property
    def level(self) -> int: ...
    @property
    def delete_row_count(self) -> int | None: ...
    @property
    def creation_time_ms(self) -> int | None: ...


F = TypeVar("F", bound=RunFile)


@dataclass(frozen=True, slots=True)
class Keys(Generic[F]):
    """The key range of a file.

    Attributes:
        low: the smallest key, comparable with ``<``.
        high: the largest key; an upper bound is enough.
    """

    low: Callable[[F], Any]
    high: Callable[[F], Any]


@dataclass(frozen=True, slots=True)
class LevelRun(Generic[F]):
    """A sorted run: one file of level 0, or all files of a level above.

    Units: ``size`` is bytes on storage.
    """

    level: int
    files: tuple[F, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Levels(Generic[F]):
    """A bucket.

    Attributes:
        level_0: newest first.
        upper: the files of level 1, 2, … in key order.
    """

    level_0: tuple[F, ...]
    upper: tuple[tuple[F, ...], ...]

    @classmethod
    def of(cls, files: Iterable[F], num_levels: int, keys: Keys[F]) -> Levels[F]:
        """The levels of a bucket's files.

        Args:
            files: all live files of the bucket.
            num_levels: of the table's options; more where a file lies higher.
            keys: the key range of a file.

        Raises:
            InvalidInputError: fewer than two levels.
            CorruptDataError: files of one level above 0 overlap.
        """
        found: dict[int, list[F]] = {}
        for file in files:
            found.setdefault(file.level, []).append(file)
        count = max(num_levels, max(found, default=-1) + 1)
        if count < 2:
            raise InvalidInputError(f"option 'num-levels' must be at least 2, found {num_levels}")
        upper = (_one_run(level, found.get(level, []), keys) for level in range(1, count))
        return cls(tuple(sorted(found.get(0, []), key=_age)), tuple(upper))

    @property
    def max_level(self) -> int:
        """The highest level, empty or not."""
        return len(self.upper)

    @property
    def highest(self) -> int:
        """The highest level that has files; -1 where there are none."""
        full = [level for level, files in enumerate((self.level_0, *self.upper)) if files]
        return full[-1] if full else -1

    @property
    def files(self) -> tuple[F, ...]:
        """All files, newest run first."""
        return (*self.level_0, *itertools.chain.from_iterable(self.upper))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.file_size for file in self.files)

    @property
    def runs(self) -> tuple[LevelRun[F], ...]:
        """The sorted runs, newest first."""
        newest = [LevelRun(0, (file,), file.file_size) for file in self.level_0]
        older = [
            LevelRun(level, files, sum(file.file_size for file in files))
            for level, files in enumerate(self.upper, start=1)
            if files
        ]
        return (*newest, *older)

    @property
    def run_count(self) -> int:
        """How many sorted runs there are."""
        return len(self.level_0) + sum(bool(files) for files in self.upper)

    def replace(self, before: Iterable[F], after: Iterable[F], keys: Keys[F]) -> Levels[F]:
        """The levels once a compaction has put ``after`` in the place of ``before``.

        A file that moves up is in both: its former self before, its new self after.
        """
        gone = {(file.level, file.file_name) for file in before}
        kept = (file for file in self.files if (file.level, file.file_name) not in gone)
        return Levels.of((*kept, *after), self.max_level + 1, keys)


def _age(file: RunFile) -> tuple[int, int, int, str]:
    # several jobs may write a bucket, so sequence numbers alone do not tell files apart
    created = file.creation_time_ms or 0
    return (-file.max_sequence_number, file.min_sequence_number, created, file.file_name)


def _one_run(level: int, files: list[F], keys: Keys[F]) -> tuple[F, ...]:
    ordered = sorted(files, key=keys.low)
    for left, right in itertools.pairwise(ordered):
        if not keys.low(right) > keys.high(left):
            raise CorruptDataError(
                f"files of level {level} overlap in their keys: {left.file_name} and "
                f"{right.file_name}"
            )
    return tuple(ordered)
