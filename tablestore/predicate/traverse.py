"""Walks over predicates: the columns named, renaming, the parts of a conjunction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tablestore.predicate import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tablestore.predicate.nodes import Column, Predicate


def columns(predicate: Predicate | None) -> set[str]:
    """The names of all columns that the predicate reads."""
    if predicate is None:
        return set()
    found: set[str] = set()

    def note(node: Predicate) -> Predicate:
        found.update(_names(node))
        return node

    map_leaves(predicate, note)
    return found


def _names(leaf: Predicate) -> Iterator[str]:
    match leaf:
        case nodes.Opaque(fields=fields):
            yield from (column for _, column in fields)
        case nodes.Compare(_, column, value):
            yield column.name
            if isinstance(value, nodes.Column):
                yield value.name
        case nodes.In(column) | nodes.Like(column) | nodes.IsNull(column) | nodes.Fixed(column):
            yield column.name


def map_leaves(predicate: Predicate, change: Callable[[Predicate], Predicate]) -> Predicate:
    """The predicate with every node but And, Or and Not replaced by ``change(node)``."""
    match predicate:
        case nodes.And(parts):
            return nodes.And(tuple(map_leaves(part, change) for part in parts))
        case nodes.Or(parts):
            return nodes.Or(tuple(map_leaves(part, change) for part in parts))
        case nodes.Not(part):
            return nodes.Not(map_leaves(part, change))
        case _:
            return change(predicate)


def rename(predicate: Predicate, mapping: Mapping[str, str]) -> Predicate:
    """The predicate with columns named as `mapping` says; names it lacks stay as they are.

    The types of a bound predicate stay with it: rename only to columns of the same types.
    """

    def new(column: Column) -> Column:
        return replace(column, name=mapping.get(column.name, column.name))

    def change(leaf: Predicate) -> Predicate:
        match leaf:
            case nodes.Opaque(fields=fields, shape=shape):
                renamed = tuple((inner, mapping.get(outer, outer)) for inner, outer in fields)
                return replace(leaf, fields=renamed, shape=rename(shape, mapping))
            case nodes.Compare(_, column, value):
                right = new(value) if isinstance(value, nodes.Column) else value
                return replace(leaf, column=new(column), value=right)
            case nodes.In(column) | nodes.Like(column) | nodes.IsNull(column) | nodes.Fixed(column):
                return replace(leaf, column=new(column))
            case _:
                return leaf

    return map_leaves(predicate, change)


def conjuncts(predicate: Predicate) -> list[Predicate]:
    """Parts that are true together exactly where the predicate is; ``not (a or b)`` has two."""
    match predicate:
        case nodes.And(parts):
            return [inner for part in parts for inner in conjuncts(part)]
        case nodes.Not(nodes.Or(parts)):
            return [inner for part in parts for inner in conjuncts(nodes.Not(part))]
        case nodes.Not(nodes.Not(part)):
            return conjuncts(part)
        case _:
            return [predicate]


def conjunction(parts: list[Predicate]) -> Predicate | None:
    """All parts as one predicate; None when there are none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return nodes.And(tuple(parts))


def split(
    predicate: Predicate | None, names: Collection[str]
) -> tuple[Predicate | None, Predicate | None]:
    """The part of a predicate that reads only `names`, and the rest; both together are the whole.

    A row is selected by the predicate exactly when both parts select it; None selects all. Used
    to take what concerns the partition columns out of a filter.
    """
    if predicate is None:
        return None, None
    known = set(names)
    inside: list[Predicate] = []
    outside: list[Predicate] = []
    for part in conjuncts(predicate):
        (inside if columns(part) <= known else outside).append(part)
    return conjunction(inside), conjunction(outside)
