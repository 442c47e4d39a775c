"""Which rows are the newest of their keys, without putting them in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.merge.orders import pack

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLOTS_A_ROW: Final = 16
"""Keys further apart leave a table of them too sparse to stay in the processor's cache."""
_PARTS_MAX: Final = 256


def newest_rows(
    lanes: Sequence[NDArray[np.uint64]], sizes: Sequence[int]
) -> NDArray[np.bool_] | None:
    """True at the last row of each key; None where this way of telling does not pay.

    Every row writes the number of its part into a table with a slot for each possible key; what it
    finds there afterwards is its own number, or that of a part behind it.

    Args:
        lanes: key lanes of all rows (``merge.keys``), part by part.
        sizes: rows of each part; keys ascend inside a part, and are of parts oldest first.
    """
    words = pack(lanes)
    if len(words) > 1 or len(sizes) > _PARTS_MAX or not len(words[0]):
        return None
    word = words[0]
    top = int(word.max())
    if top >= _SLOTS_A_ROW * len(word):
        return None
    part = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    if ((word[1:] <= word[:-1]) & (part[1:] == part[:-1])).any():
        return None  # a key twice in one part: its rows would find the same number
    slots = word.view(np.int64)  # as an index numpy would make a copy of unsigned numbers
    last = np.empty(top + 1, dtype=np.uint8)
    last[slots] = part
    newest: NDArray[np.bool_] = last[slots] == part
    return newest
