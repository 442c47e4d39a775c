"""How much of a column's statistics is kept: ``metadata.stats-mode`` and its relatives.

Source: ``org.apache.paimon.statistics.SimpleColStatsCollector``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tablestore.types.model import DataField

_TRUNCATE: Final = re.compile(r"truncate\(\s*(\d{1,9})\s*\)", re.IGNORECASE)
_FORMS: Final = "none, counts, full or truncate(length)"


@dataclass(frozen=True, slots=True)
class StatsMode:
    """What is kept of a column.

    Attributes:
        bounds: smallest and largest value are kept.
        counts: the null count is kept.
        length: characters or bytes to which text and binary bounds are cut; ``None`` for no cut.
    """

    bounds: bool
    counts: bool
    length: int | None = None

    @staticmethod
    def parse(text: str) -> StatsMode:
        """The mode that an option's value names.

        Raises:
            InvalidInputError: it names none.
        """
        word = text.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        found = _TRUNCATE.fullmatch(word)
        if found is None or int(found[1]) < 1:
            raise InvalidInputError(f"unknown stats mode {text!r}; expected {_FORMS}")
        return StatsMode(bounds=True, counts=True, length=int(found[1]))


NONE: Final = StatsMode(bounds=False, counts=False)
COUNTS: Final = StatsMode(bounds=False, counts=True)
FULL: Final = StatsMode(bounds=True, counts=True)
KEY_STATS_MODE: Final = StatsMode(bounds=True, counts=True, length=128)
_WORDS: Final = {"none": NONE, "counts": COUNTS, "full": FULL}


def column_modes(
    fields: Sequence[DataField],
    *,
    table_mode: str,
    column_modes: Mapping[str, str],
    keep_first_n: int = -1,
    key: Collection[str] = (),
) -> tuple[StatsMode, ...]:
    """The mode of every column.

    Args:
        fields: the columns written to a file, in order.
        table_mode: ``metadata.stats-mode``.
        column_modes: ``fields.<column>.stats-mode`` by column.
        keep_first_n: only so many leading columns keep the table's mode; negative for all. Columns
            with a mode of their own count, key columns do not.
        key: columns that stand for key columns (``data-file.thin-mode``).

    Raises:
        InvalidInputError: a mode that is none.

    Source: ``org.apache.paimon.utils.StatsCollectorFactories``.
    """
    usual = StatsMode.parse(table_mode)
    modes: list[StatsMode] = []
    seen = 0
    for field in fields:
        if field.name in column_modes:
            modes.append(StatsMode.parse(column_modes[field.name]))
        elif field.name in key:
            modes.append(KEY_STATS_MODE)
            continue
        else:
            modes.append(NONE if 0 <= keep_first_n <= seen else usual)
        seen += 1
    return tuple(modes)


def truncate_min(value: str | bytes, length: int) -> str | bytes:
    """A value not above ``value`` of at most ``length`` characters (bytes of binary)."""
    return value[:length]


def truncate_max(value: str | bytes, length: int) -> str | bytes | None:
    """A value not below ``value`` of at most ``length`` characters; ``None`` where there is none.

    The last character that can be is raised by one and what follows is dropped. Where Java makes a
    lone surrogate out of U+D7FF, this goes on to U+E000.
    """
    if len(value) <= length:
        return value
    if isinstance(value, bytes):
        head = value[:length].rstrip(b"\xff")
        return head[:-1] + bytes((head[-1] + 1,)) if head else None
    text = value[:length].rstrip("\U0010ffff")
    if not text:
        return None
    following = ord(text[-1]) + 1
    return text[:-1] + chr(0xE000 if following == 0xD800 else following)
