"""The order in which a small ``java.util.HashMap`` gives its keys."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, TypeVar

_TABLE_MIN: Final = 16
_TABLE_OF_TREES: Final = 64
_BIN_MAX: Final = 8
_MASK: Final = 0xFFFFFFFF

K = TypeVar("K", bound=Hashable)


def put_order(keys: Iterable[K], hash_of: Callable[[K], int]) -> list[K]:
    """Keys that came by ``put``, which adds a new one behind the others of its bin."""
    bins: list[list[K]] = _bins(_TABLE_MIN)
    seen: set[K] = set()
    for key in keys:
        if key in seen:
            continue
        seen.add(key)
        place = bins[_spread(hash_of(key)) % len(bins)]
        place.append(key)
        if len(place) > _BIN_MAX and len(bins) < _TABLE_OF_TREES:
            bins = _doubled(bins, hash_of)
        if len(seen) > len(bins) * 3 // 4:
            bins = _doubled(bins, hash_of)
    return [key for place in bins for key in place]


def computed_order(keys: Iterable[K], hash_of: Callable[[K], int]) -> list[K]:
    """Keys that came by ``computeIfAbsent``, which adds a new one before the others of its bin."""
    bins: list[list[K]] = _bins(_TABLE_MIN)
    seen: set[K] = set()
    for key in keys:
        if len(seen) > len(bins) * 3 // 4:
            bins = _doubled(bins, hash_of)
        if key in seen:
            continue
        seen.add(key)
        place = bins[_spread(hash_of(key)) % len(bins)]
        place.insert(0, key)
        if len(place) >= _BIN_MAX and len(bins) < _TABLE_OF_TREES:
            bins = _doubled(bins, hash_of)
    return [key for place in bins for key in place]


def text_hash(text: str) -> int:
    """``String.hashCode``, unsigned."""
    found = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        found = (31 * found + int.from_bytes(units[at : at + 2], "big")) & _MASK
    return found


def _bins(size: int) -> list[list[K]]:
    return [[] for _ in range(size)]


def _spread(code: int) -> int:
    return code ^ code >> 16


def _doubled(bins: list[list[K]], hash_of: Callable[[K], int]) -> list[list[K]]:
    found: list[list[K]] = _bins(2 * len(bins))
    for place in bins:
        for key in place:
            found[_spread(hash_of(key)) % len(found)].append(key)
    return found
