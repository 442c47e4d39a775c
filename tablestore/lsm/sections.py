"""Split a bucket's files into sections whose key ranges do not overlap.

Inside a section the files are packed into as few sorted runs as possible; files of one run do not
overlap. Sections with a single run need no merge.

Source: ``org.apache.paimon.mergetree.compact.IntervalPartition``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

File = TypeVar("File")

SortedRun = list[File]
"""Files with ascending, disjoint key ranges."""

Section = list[SortedRun[File]]
"""Sorted runs whose key ranges overlap one another."""


def sections(
    files: Iterable[File], min_key: Callable[[File], Any], max_key: Callable[[File], Any]
) -> list[Section[File]]:
    """The sections of a bucket in ascending key order.

    Args:
        files: any objects with a key range.
        min_key: the smallest key of a file, comparable with ``<``.
        max_key: the largest key of a file, an upper bound is enough.
    """
    ordered = sorted(files, key=lambda file: (min_key(file), max_key(file)))
    found: list[Section[File]] = []
    members: list[File] = []
    bound: Any = None
    for file in ordered:
        # touching bounds overlap: a key may be in both files
        if members and min_key(file) > bound:
            found.append(_runs(members, min_key, max_key))
            members, bound = [], None
        members.append(file)
        bound = max_key(file) if bound is None else max(bound, max_key(file))
    if members:
        found.append(_runs(members, min_key, max_key))
    return found


def _runs(
    ordered: list[File], min_key: Callable[[File], Any], max_key: Callable[[File], Any]
) -> Section[File]:
    """Greedy packing: each file goes to the run that ends first, if it ends before the file."""
    runs: Section[File] = []
    ends: list[tuple[Any, int]] = []
    for file in ordered:
        if ends and min_key(file) > ends[0][0]:
            _, index = heapq.heappop(ends)
            runs[index].append(file)
        else:
            index = len(runs)
            runs.append([file])
        heapq.heappush(ends, (max_key(file), index))
    return runs
