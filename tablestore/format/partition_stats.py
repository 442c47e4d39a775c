"""Bounds of the partition columns over the entries of a manifest.

Full values, never truncated; null counts count entries. BINARY columns get no bounds, because
releases before 2.0 compare bytes as signed numbers and would skip manifests that match.

Source: ``org.apache.paimon.manifest.ManifestFile.ManifestEntryWriter``,
``org.apache.paimon.stats.SimpleStatsCollector``.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import decode_row, encode_row
from tablestore.format.binary_slots import BINARY_TYPES
from tablestore.format.manifest import EMPTY_STATS, SimpleStats
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tablestore.types.model import DataType


def partition_stats(partitions: Iterable[bytes], types: Sequence[DataType]) -> SimpleStats:
    """The statistics of serialized partition rows, one row an entry.

    Raises:
        CorruptDataError: a row that does not have these types.
    """
    if not types:
        return EMPTY_STATS
    counts = Counter(partitions)
    rows = [(decode_row(data, types), count) for data, count in counts.items()]
    lows: list[Any] = []
    highs: list[Any] = []
    nulls: list[int] = []
    for i, kind in enumerate(types):
        low, high = _bounds([row[i] for row, _ in rows if row[i] is not None], kind)
        lows.append(low)
        highs.append(high)
        nulls.append(sum(count for row, count in rows if row[i] is None))
    return SimpleStats(encode_row(lows, types), encode_row(highs, types), tuple(nulls))


def _bounds(values: list[Any], kind: DataType) -> tuple[Any, Any]:
    if not values or not isinstance(kind, AtomicType) or kind.name in BINARY_TYPES:
        return None, None
    if kind.name not in ("FLOAT", "DOUBLE"):
        return min(values), max(values)  # text: code point order is the order of UTF-8 bytes
    if any(math.isnan(value) for value in values):
        return None, None
    return min(values, key=_java_order), max(values, key=_java_order)


def _java_order(value: float) -> tuple[float, float]:
    return value, math.copysign(1.0, value)
