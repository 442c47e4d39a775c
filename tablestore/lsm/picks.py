"""What a picker decides, and what it must remember until it is asked again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal

from tablestore.lsm.levels import F, RunFile

Reason = Literal[
    "early full", "size amplification", "size ratio", "run count", "level 0", "full", "worn files"
]


@dataclass(frozen=True, slots=True)
class CompactionPick(Generic[F]):
    """Files to compact together.

    Attributes:
        output_level: where they go.
        files: whole sorted runs, newest first, no run left out between two; or, where
            ``each_alone``, files of the highest level. Some at least, where ``next_pick`` or
            ``full_pick`` gives the pick.
        reason: the rule that took them.
        each_alone: rewrite every file by itself, at its own level.
    """

    output_level: int
    files: tuple[F, ...]
    reason: Reason
    each_alone: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.file_size for file in self.files)


@dataclass(frozen=True, slots=True)
class PickState:
    """What a bucket's picker remembers from one trigger to the next.

    Attributes:
        last_full_ms: when it last picked everything, in milliseconds since 1970 (UTC).
        waited: triggers that took nothing of level 0, since it was last forced up.
    """

    last_full_ms: int | None = None
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a trigger.

    Attributes:
        now_ms: milliseconds since 1970 (UTC).
        hour: of the local day, 0 to 23.
    """

    now_ms: int
    hour: int

    @classmethod
    def at(cls, local: dt.datetime) -> Moment:
        """The moment of a local time, with or without a zone."""
        return cls(round(local.timestamp() * 1000), local.hour)


def first_state(files: Iterable[RunFile], num_levels: int) -> PickState:
    """The state of a bucket that was just opened.

    Its newest file of the highest level tells when it was last compacted as a whole.

    Args:
        files: all live files of the bucket.
        num_levels: of the table's options.

    Source: ``org.apache.paimon.mergetree.compact.MergeTreeCompactManagerFactory``.
    """
    top = [file.creation_time_ms for file in files if file.level == num_levels - 1]
    times = [epoch_ms(made) for made in top if made is not None]
    newest = max(times, default=-1)
    return PickState(newest if newest >= 0 else None)


def epoch_ms(creation_time_ms: int) -> int:
    """The milliseconds since 1970 (UTC) of a file's creation time.

    A manifest has the writer's local wall clock as if it were UTC.
    """
    wall = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=creation_time_ms)
    return round(wall.timestamp() * 1000)
