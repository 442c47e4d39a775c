"""How long a table keeps snapshots, as frozen values.

Source: ``org.apache.paimon.options.ExpireConfig``, ``CoreOptions.expireConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tablestore.errors import InvalidInputError
from tablestore.options.spec import parse_int
from tablestore.options.units import parse_bool, parse_duration_ms
from tablestore.options.values import OptionValues

KEEP_ALL: Final = 2**31 - 1
"""``num-retained.max`` where it is unset."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a row of snapshots.

    Attributes:
        keep_min: that many of the newest stay whatever their age.
        keep_max: no more than that many stay, however young.
        time_ms: one goes once the next has been there for so long.
    """

    keep_min: int = 10
    keep_max: int = KEEP_ALL
    time_ms: int = 3_600_000

    def checked(self, what: str) -> Retention:
        """The retention itself.

        Raises:
            InvalidInputError: it keeps nothing, or its bounds contradict each other.
        """
        if self.keep_min < 1:
            raise InvalidInputError(
                f"{what}.num-retained.min is at least 1, found {self.keep_min}: the latest "
                "snapshot is the table"
            )
        if self.keep_max < self.keep_min:
            raise InvalidInputError(
                f"{what}.num-retained.max ({self.keep_max}) must not be less than "
                f"{what}.num-retained.min ({self.keep_min})"
            )
        return self


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """The options of a table that say what expires, and how.

    Attributes:
        snapshots: what is kept of the snapshots.
        changelogs: what is kept of the changes of expired snapshots.
        limit: snapshots to expire in one run (``snapshot.expire.limit``).
        in_background: a writer does not wait for it (``snapshot.expire.execution-mode``).
        clean_folders: remove folders that become empty.
        consumer_ms: a consumer goes that was not moved for so long; None keeps all.
        consumer_changelog_only: consumers hold changes, not snapshots.
        produces_changelog: changes are in files of their own (``changelog-producer``).
        decoupled: the changes of a snapshot may outlive it.
    """

    snapshots: Retention = Retention()
    changelogs: Retention = Retention()
    limit: int = 50
    in_background: bool = False
    clean_folders: bool = False
    consumer_ms: int | None = None
    consumer_changelog_only: bool = False
    produces_changelog: bool = False
    decoupled: bool = False

    @classmethod
    def of(cls, options: Mapping[str, str]) -> RetentionOptions:
        """The retention that a table's options ask for.

        Raises:
            InvalidInputError: names the option whose value is not of its type, or contradicts
                another.
        """
        read = OptionValues(options)
        keep_max = read.maybe("snapshot.num-retained.max", parse_int)
        own = Retention(
            read.get("snapshot.num-retained.min", parse_int),
            KEEP_ALL if keep_max is None else keep_max,
            read.get("snapshot.time-retained", parse_duration_ms),
        ).checked("snapshot")
        changes_min = read.maybe("changelog.num-retained.min", parse_int)
        changes_max = read.maybe("changelog.num-retained.max", parse_int)
        changes_ms = read.maybe("changelog.time-retained", parse_duration_ms)
        changes = Retention(
            own.keep_min if changes_min is None else changes_min,
            own.keep_max if changes_max is None else changes_max,
            own.time_ms if changes_ms is None else changes_ms,
        )
        decoupled = (
            changes.keep_max > own.keep_max
            or changes.time_ms > own.time_ms
            or changes.keep_min > own.keep_min
        )
        return cls(
            snapshots=own,
            changelogs=changes.checked("changelog") if decoupled else changes,
            limit=read.get("snapshot.expire.limit", parse_int),
            in_background=read.word("snapshot.expire.execution-mode") == "async",
            clean_folders=read.get("snapshot.clean-empty-directories", parse_bool),
            consumer_ms=read.maybe("consumer.expiration-time", parse_duration_ms),
            consumer_changelog_only=read.get("consumer.changelog-only", parse_bool),
            produces_changelog=read.word("changelog-producer") != "none",
            decoupled=decoupled,
        )
