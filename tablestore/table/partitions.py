"""Partitions that a user names by the values of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError, nearest
from tablestore.predicate.bind import bind
from tablestore.predicate.nodes import And, col
from tablestore.read.plan import partition_matcher

if TYPE_CHECKING:
    from tablestore.table.components import Components


def partition_filter(
    parts: Components, partition: Mapping[str, object] | None
) -> Callable[[bytes], bool]:
    """Which serialized partitions have the values given; all of them where none are.

    Raises:
        InvalidInputError: a column that the table is not partitioned by.
    """
    if partition is None:
        return lambda _: True
    view = parts.view()
    known = view.schema.partition_keys
    if not partition:
        raise InvalidInputError(f"table {parts.name}: partition= is empty; leave it out")
    for name in partition:
        if name not in known:
            raise InvalidInputError(
                f"table {parts.name} is not partitioned by {name!r}{nearest(name, known)}; its "
                f"partition columns are {', '.join(known) or 'none'}"
            )
    tests = [
        col(name).is_null() if value is None else col(name) == value
        for name, value in partition.items()
    ]
    return partition_matcher(view, bind(And(tuple(tests)), view.arrow_schema))
