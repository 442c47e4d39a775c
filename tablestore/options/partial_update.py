"""The options of ``merge-engine`` partial-update, checked against a table's columns.

Source: ``org.apache.paimon.mergetree.compact.PartialUpdateMergeFunction`` (its factory).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tablestore.errors import InvalidInputError, nearest

_GROUP_KEY: Final = re.compile(r"fields\.(.+)\.sequence-group")
_REMOVE_ON_DELETE: Final = "partial-update.remove-record-on-delete"
_REMOVE_ON_GROUP: Final = "partial-update.remove-record-on-sequence-group"


@dataclass(frozen=True, slots=True)
class SequenceGroup:
    """Columns that are updated together where the ordering columns are not smaller.

    Attributes:
        ordering: columns that say which version is newer, compared left to right, nulls first.
        protected: columns that follow them; none of ``ordering`` is among them.
        removes: a -D of this group removes the whole record.
    """

    ordering: tuple[str, ...]
    protected: tuple[str, ...]
    removes: bool = False


def sequence_groups(
    options: Mapping[str, str], columns: Sequence[str], primary_key: Sequence[str]
) -> tuple[SequenceGroup, ...]:
    """The sequence groups of a table.

    Raises:
        InvalidInputError: a group names a column that does not exist, is part of the primary key
            or is in another group, too; or a removal is about a column that orders no group.
    """
    seen: dict[str, str] = {}
    found: list[SequenceGroup] = []
    removing = _removing(options)
    for key, value in sorted(options.items()):
        match = _GROUP_KEY.fullmatch(key)
        if match is None:
            continue
        ordering = _split(match[1]) or ("",)
        named = _split(value)
        protected = tuple(name for name in named if name not in ordering)
        own = (*protected, *ordering)
        _check_columns(key, own, columns, primary_key)
        for name in own:
            if seen.setdefault(name, key) != key or own.count(name) > 1:
                raise InvalidInputError(
                    f"column {name!r} is in more than one sequence group, or twice in one: "
                    f"{seen[name]!r} and {key!r}",
                    column=name,
                )
        found.append(SequenceGroup(ordering, protected, bool(removing & set(ordering))))
    _check_removing(removing, found)
    return tuple(found)


def check_exclusions(
    options: Mapping[str, str], *, ignore_delete: bool, remove_on_delete: bool, grouped: bool
) -> None:
    """Refuse options that contradict each other.

    Raises:
        InvalidInputError: names both options.
    """
    pairs = (
        (ignore_delete and remove_on_delete, "ignore-delete", _REMOVE_ON_DELETE),
        (ignore_delete and _REMOVE_ON_GROUP in options, "ignore-delete", _REMOVE_ON_GROUP),
        (grouped and remove_on_delete, "fields.….sequence-group", _REMOVE_ON_DELETE),
    )
    for contradict, one, other in pairs:
        if contradict:
            raise InvalidInputError(f"options {one!r} and {other!r} contradict each other")


def _split(text: str) -> tuple[str, ...]:
    """Names as Java splits them: spaces belong to a name, empty ones at the end are dropped."""
    if not text:
        return ("",)
    names = text.split(",")
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _removing(options: Mapping[str, str]) -> frozenset[str]:
    text = options.get(_REMOVE_ON_GROUP)
    return frozenset() if text is None else frozenset(_split(text))


def _check_columns(
    key: str, names: Sequence[str], columns: Sequence[str], primary_key: Sequence[str]
) -> None:
    for name in names:
        if name not in columns:
            hint = nearest(name, columns)
            spaces = "; write the names without spaces" if name.strip() != name else ""
            raise InvalidInputError(
                f"option {key!r} is about column {name!r}, which the table does not have"
                f"{hint}{spaces}",
                column=name,
            )
        if name in primary_key:
            raise InvalidInputError(
                f"option {key!r} is about column {name!r} of the primary key, which cannot be in "
                "a sequence group",
                column=name,
            )


def _check_removing(removing: frozenset[str], groups: Sequence[SequenceGroup]) -> None:
    ordering = {name for group in groups for name in group.ordering}
    unknown = sorted(removing - ordering)
    if unknown:
        raise InvalidInputError(
            f"option {_REMOVE_ON_GROUP!r} is about column {unknown[0]!r}, which orders no sequence "
            f"group{nearest(unknown[0], ordering)}"
        )
