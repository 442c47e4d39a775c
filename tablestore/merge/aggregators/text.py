"""``listagg``: texts joined.

Source: ``FieldListaggAgg``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.merge.aggregators.parts import list_array, steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions

_SPACE: Final = (
    r"\x{9}-\x{d}\x{1c}-\x{20}\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}"
    r"\x{3000}"
)
"""What Java's ``Character.isWhitespace`` takes."""


@dataclass(frozen=True)
class Listagg:
    """``listagg``: the texts that are not blank, joined by a delimiter.

    Attributes:
        delimiter: between two texts.
        distinct: of a text that is added only the parts that are not there yet.
    """

    delimiter: str = ","
    distinct: bool = False
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The joined texts; null where there was none."""
        blank = pc.match_substring_regex(column, f"^[{_SPACE}]*$").fill_null(True)
        some = versions.only(~blank.to_numpy(zero_copy_only=False)[versions.order])
        joined = self._distinct(column, some) if self.distinct else self._all(column, some)
        if versions.late is None and versions.reset is None:
            return joined
        # where all is blank, what was put in the accumulator's place stays
        none = np.zeros(len(versions.order), dtype=np.bool_)
        placed = versions.last(_or(versions.late, none) | _or(versions.reset, none))
        rows = np.where(some.counts > 0, -1, versions.rows(placed))
        return pc.coalesce(joined, column.take(pa.array(rows, mask=rows < 0)))

    def _all(self, column: pa.Array, some: Versions) -> pa.Array:
        some = some.oldest_first()
        texts = column.take(pa.array(some.order))
        lists = list_array(pa.list_(column.type), texts, some.counts, some.counts > 0)
        return pc.binary_join(lists, self.delimiter)

    def _distinct(self, column: pa.Array, some: Versions) -> pa.Array:
        texts = column.take(pa.array(some.order)).to_pylist()
        found: list[str | None] = []
        for group in range(len(some)):
            held: str | None = None
            for place, _, late in steps_of(some, group):
                pair = (texts[place], held) if late else (held, texts[place])
                held = texts[place] if held is None else self._joined(*pair)
            found.append(held)
        return pa.array(found, column.type)

    def _joined(self, held: str, text: str) -> str:
        """The held text with the parts of another that it does not have."""
        mark = self.delimiter or " "
        there = set(held.split(mark))
        parts = [held]
        for part in text.split(mark):
            if part not in there and not is_blank(part):
                there.add(part)
                parts.append(part)
        return self.delimiter.join(parts)


def _or(flags: NDArray[np.bool_] | None, none: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return none if flags is None else flags


def is_blank(text: str) -> bool:
    """Whether Java finds nothing but whitespace."""
    return all(sign.isspace() and sign not in "\x85\xa0\u2007\u202f" for sign in text)
